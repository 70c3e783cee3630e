// Package chromium drives real Chromium for tests: windows that record what
// the browser complains of and asks for, and the steps that a visitor takes in
// them.
//
// A test program has one Chromium, and each window of a test a browser context
// of its own in it, which shares no cookies, cache or storage with others. The
// program calls [Main] from TestMain.
//
// Without Chromium on the machine tests are skipped, unless the variable CI is
// set: there they fail. CHROMIUM names the program where it is not found by
// itself. With -short tests are skipped, too. Most tests need only Chromium's
// headless shell, which is much faster.
package chromium
