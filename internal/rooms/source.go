package rooms

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
)

// CheckAddresses returns a sentence for every place of a source file that looks
// at a request's RemoteAddr. Behind a proxy that is the proxy's address: the
// visitor's is what Caddy has resolved by its trusted_proxies, and nothing else
// in caddymodule may say who the visitor is. Copying the field into the same
// field of another request is not looking at it.
func CheckAddresses(name string, source any) ([]string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var broken []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			key, named := n.Key.(*ast.Ident)
			return !named || key.Name != "RemoteAddr"
		case *ast.SelectorExpr:
			if n.Sel.Name == "RemoteAddr" {
				broken = append(broken, fmt.Sprintf("%s: RemoteAddr is the address of whatever is in front; ask Caddy for the client's", files.Position(n.Pos())))
			}
		}
		return true
	})
	return broken, nil
}
