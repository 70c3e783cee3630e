package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// Defaults of a Config.
const (
	DefaultPrefix       = "authentik:"
	DefaultDialTimeout  = 2 * time.Second
	DefaultReadTimeout  = time.Second
	DefaultWriteTimeout = time.Second
	DefaultRetries      = 1
)

// Config says where Redis is and how to connect to it.
type Config struct {
	// Addresses are host:port. With Master they are Sentinels. Without it, one
	// address is a server, and several are nodes of a cluster, which name the
	// others. Required.
	Addresses []string
	// Master is the name of the server at its Sentinels. Default: none.
	Master string

	// Username and Password are for the servers. Without a username, the
	// password is that of the default user. Default: no authentication.
	Username, Password string
	// SentinelUsername and SentinelPassword are for Sentinels. Default: no
	// authentication.
	SentinelUsername, SentinelPassword string

	// TLS is the configuration of every connection. InsecureSkipVerify is
	// refused: a connection to an unverified server protects nothing. Default:
	// connections are not encrypted.
	TLS *tls.Config

	// Database is the number of the database. A cluster has only 0.
	Database int
	// Prefix begins every key and channel: stores with the same prefix share
	// their sessions. Default: DefaultPrefix.
	Prefix string

	// DialTimeout, ReadTimeout and WriteTimeout limit the steps of a call; its
	// context limits the whole call. Zero means the defaults.
	DialTimeout, ReadTimeout, WriteTimeout time.Duration
	// Retries is how often a call is retried after a lost connection, or while the
	// server is not ready. Zero means DefaultRetries, and -1 no retries.
	Retries int
	// PoolSize is how many connections are kept to one server. Default: ten per
	// processor.
	PoolSize int

	// Logger logs when the watch is lost and established again, and warns of a
	// server that evicts keys. Default: nothing is logged.
	Logger *slog.Logger
}

// LogValue shows the addresses of Redis, without passwords.
func (cfg Config) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Any("addresses", cfg.Addresses), slog.String("master", cfg.Master), slog.Int("database", cfg.Database),
		slog.String("prefix", cfg.Prefix), slog.Bool("tls", cfg.TLS != nil),
	)
}

// String shows the same as LogValue.
func (cfg Config) String() string { return cfg.LogValue().String() }

// GoString shows the same as LogValue.
func (cfg Config) GoString() string { return cfg.String() }

// check returns all mistakes at once.
func (cfg Config) check() error {
	errs := append(cfg.checkAddresses(), cfg.checkNumbers()...)
	for _, c := range cfg.Conflicts() {
		errs = append(errs, c.Err)
	}
	if cfg.TLS != nil && cfg.TLS.InsecureSkipVerify {
		errs = append(errs, errors.New("TLS with InsecureSkipVerify accepts any server; set RootCAs to the authority of its certificate"))
	}
	if err := CheckPrefix(cfg.Prefix); err != nil {
		errs = append(errs, fmt.Errorf("prefix: %w", err))
	}
	for i, err := range errs {
		errs[i] = fmt.Errorf("redis: %w", err)
	}
	return errors.Join(errs...)
}

func (cfg Config) checkAddresses() (errs []error) {
	if len(cfg.Addresses) == 0 {
		errs = append(errs, errors.New("address is missing; write where Redis is, for example redis:6379"))
	}
	for i, address := range cfg.Addresses {
		if err := CheckAddress(address); err != nil {
			errs = append(errs, fmt.Errorf("address: %w", err))
		}
		if slices.Contains(cfg.Addresses[:i], address) {
			errs = append(errs, fmt.Errorf("address %s is given twice; keep one of them", address))
		}
	}
	return errs
}

// CheckAddress returns the mistake in an address. A URL is refused, and not
// repeated, since it may contain a password.
func CheckAddress(address string) error {
	if strings.ContainsAny(address, "/@") {
		return errors.New("this is a URL; write host:port, for example redis:6379")
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" {
		return fmt.Errorf("%q is not an address; write host:port, for example redis:6379", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q has no valid port; write host:port, for example redis:6379", address)
	}
	return nil
}

// Conflicts returns the mistakes in the combination of options. Each is
// reported at an option, by its name in a Caddyfile.
func (cfg Config) Conflicts() (all []rules.Conflict) {
	for _, c := range []struct {
		option  string
		wrong   bool
		message string
	}{
		{"username", cfg.Username != "" && cfg.Password == "", "username has no password; write password too"},
		{
			"sentinel_username", cfg.SentinelUsername != "" && cfg.SentinelPassword == "",
			"sentinel_username has no password; write sentinel_password too",
		},
		{"sentinel_username", cfg.Master == "" && cfg.SentinelUsername != "", "sentinel_username is for Sentinels; write master too, or leave it out"},
		{"sentinel_password", cfg.Master == "" && cfg.SentinelPassword != "", "sentinel_password is for Sentinels; write master too, or leave it out"},
		{
			"database", cfg.cluster() && cfg.Database != 0,
			fmt.Sprintf("database %d does not exist in a cluster, which several addresses are; leave it out, or write master if they are Sentinels", cfg.Database),
		},
	} {
		if c.wrong {
			all = append(all, rules.Conflict{Option: c.option, Err: errors.New(c.message)})
		}
	}
	return all
}

func (cfg Config) cluster() bool { return cfg.Master == "" && len(cfg.Addresses) > 1 }

func (cfg Config) checkNumbers() (errs []error) {
	for _, number := range []struct {
		name  string
		wrong bool
	}{
		{"database", cfg.Database < 0},
		{"timeout", min(cfg.DialTimeout, cfg.ReadTimeout, cfg.WriteTimeout) < 0},
		{"pool size", cfg.PoolSize < 0},
		{"number of retries", cfg.Retries < -1},
	} {
		if number.wrong {
			errs = append(errs, fmt.Errorf("the %s is negative; leave it out for the default", number.name))
		}
	}
	return errs
}

// CheckPrefix returns the mistake in a prefix. Braces would put all keys of a
// cluster into one slot. The other refused characters mean something in the
// pattern with which records are counted.
func CheckPrefix(prefix string) error {
	if len(prefix) > 100 || strings.ContainsFunc(prefix, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("{}*?[]", r) }) {
		return fmt.Errorf("%q cannot begin keys; write up to 100 letters, digits and signs, without blanks and without { } * ? [ ]", prefix)
	}
	return nil
}

// withDefaults returns the configuration with defaults instead of zeros.
func (cfg Config) withDefaults() Config {
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&cfg.DialTimeout, DefaultDialTimeout}, {&cfg.ReadTimeout, DefaultReadTimeout}, {&cfg.WriteTimeout, DefaultWriteTimeout},
	} {
		if *d.value == 0 {
			*d.value = d.or
		}
	}
	if cfg.Prefix == "" {
		cfg.Prefix = DefaultPrefix
	}
	if cfg.Retries == 0 {
		cfg.Retries = DefaultRetries
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// client makes the client, which connects when it is first used.
func (cfg Config) client() goredis.UniversalClient {
	return goredis.NewUniversalClient(&goredis.UniversalOptions{
		Addrs: cfg.Addresses, MasterName: cfg.Master, DB: cfg.Database,
		Username: cfg.Username, Password: cfg.Password,
		SentinelUsername: cfg.SentinelUsername, SentinelPassword: cfg.SentinelPassword,
		Dialer:      cfg.dial,
		DialTimeout: cfg.DialTimeout, ReadTimeout: cfg.ReadTimeout, WriteTimeout: cfg.WriteTimeout,
		ContextTimeoutEnabled: true,
		DialerRetries:         1, // the call itself is retried
		MaxRetries:            cfg.Retries,
		PoolSize:              cfg.PoolSize,
		PipelinePoolSize:      -1,
		// Operators allow the store's user only the commands that the store
		// needs, so the driver must send no others.
		Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// dial connects within the timeout. With TLS, the driver's own dialer ignores
// the context.
func (cfg Config) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, cfg.DialTimeout)
	defer cancel()
	if cfg.TLS == nil {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	return (&tls.Dialer{Config: cfg.TLS}).DialContext(ctx, network, address)
}
