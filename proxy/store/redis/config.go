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
)

// Defaults of a Config.
const (
	DefaultPrefix       = "authentik:"
	DefaultDialTimeout  = 2 * time.Second
	DefaultReadTimeout  = time.Second
	DefaultWriteTimeout = time.Second
	DefaultRetries      = 1
)

// Config says where Redis is and how to speak with it.
type Config struct {
	// Addresses are host:port. One is a server; several are nodes of a cluster, from which the
	// others are learnt; with Master they are Sentinels. At least one is required.
	Addresses []string
	// Master is the name by which Sentinels know the server.
	Master string

	// Username and Password are for the servers. A password alone is for
	// the default user; none of both is for servers that ask for none.
	Username, Password string
	// SentinelUsername and SentinelPassword are for Sentinels.
	SentinelUsername, SentinelPassword string

	// TLS, unless it is nil, has every connection encrypted. A connection that is
	// encrypted for whoever answers is not offered: InsecureSkipVerify is refused.
	TLS *tls.Config

	// Database is the number of the database. A cluster has 0 alone.
	Database int
	// Prefix stands before every key and channel: those who share it
	// have the same sessions. Default: DefaultPrefix.
	Prefix string

	// DialTimeout, ReadTimeout and WriteTimeout bound the steps of a call, and the
	// context bounds it as a whole. Zero stands for the defaults.
	DialTimeout, ReadTimeout, WriteTimeout time.Duration
	// Retries is how often a call is tried again when the connection failed or the server was
	// not ready. Zero stands for DefaultRetries, and -1 for none.
	Retries int
	// PoolSize is how many connections to one server are kept. Default: ten
	// for each processor.
	PoolSize int

	// Logger is told when hearing was lost and found again, and of a
	// server that evicts. Default: nobody.
	Logger *slog.Logger
}

// LogValue shows where Redis is, and no password.
func (cfg Config) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Any("addresses", cfg.Addresses), slog.String("master", cfg.Master), slog.Int("database", cfg.Database),
		slog.String("prefix", cfg.Prefix), slog.Bool("tls", cfg.TLS != nil),
	)
}

// String shows what LogValue does.
func (cfg Config) String() string { return cfg.LogValue().String() }

// GoString shows what LogValue does.
func (cfg Config) GoString() string { return cfg.String() }

// check reports all that is wrong at once.
func (cfg Config) check() error {
	errs := slices.Concat(cfg.checkAddresses(), cfg.checkSecrets(), cfg.checkKind(), cfg.checkNumbers())
	return errors.Join(errs...)
}

func (cfg Config) checkAddresses() (errs []error) {
	if len(cfg.Addresses) == 0 {
		errs = append(errs, errors.New("redis: an address is required, as redis:6379"))
	}
	for i, address := range cfg.Addresses {
		if err := CheckAddress(address); err != nil {
			errs = append(errs, fmt.Errorf("redis: %w", err))
		}
		if slices.Contains(cfg.Addresses[:i], address) {
			errs = append(errs, fmt.Errorf("redis: the address %s is there twice", address))
		}
	}
	return errs
}

// CheckAddress says what is wrong with an address. A URL is refused, as there may be
// a password in it, and is not repeated.
func CheckAddress(address string) error {
	if strings.ContainsAny(address, "/@") {
		return errors.New("an address is host:port, as redis:6379, and no URL")
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" {
		return fmt.Errorf("%q is no address; write host:port, as redis:6379", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q has no port that there could be; write host:port, as redis:6379", address)
	}
	return nil
}

func (cfg Config) checkSecrets() (errs []error) {
	if cfg.Username != "" && cfg.Password == "" {
		errs = append(errs, errors.New("redis: a username needs a password"))
	}
	if cfg.SentinelUsername != "" && cfg.SentinelPassword == "" {
		errs = append(errs, errors.New("redis: a username for Sentinels needs a password"))
	}
	if cfg.TLS != nil && cfg.TLS.InsecureSkipVerify {
		errs = append(errs, errors.New("redis: TLS that takes every certificate keeps nobody out; name an authority that it can be verified by"))
	}
	return errs
}

// checkKind holds the options against what kind of Redis it is.
func (cfg Config) checkKind() (errs []error) {
	if cfg.Master == "" && cfg.SentinelUsername+cfg.SentinelPassword != "" {
		errs = append(errs, errors.New("redis: there is a password for Sentinels, and no name of a master that they would be asked for"))
	}
	if cfg.cluster() && cfg.Database != 0 {
		errs = append(errs, fmt.Errorf("redis: several addresses are a cluster, which has no database %d", cfg.Database))
	}
	return errs
}

func (cfg Config) cluster() bool { return cfg.Master == "" && len(cfg.Addresses) > 1 }

func (cfg Config) checkNumbers() (errs []error) {
	for _, number := range []struct {
		name  string
		wrong bool
	}{
		{"a database", cfg.Database < 0},
		{"a time-out", min(cfg.DialTimeout, cfg.ReadTimeout, cfg.WriteTimeout) < 0},
		{"a pool", cfg.PoolSize < 0},
		{"a number of retries", cfg.Retries < -1},
	} {
		if number.wrong {
			errs = append(errs, fmt.Errorf("redis: there is no such thing as %s below zero", number.name))
		}
	}
	if err := CheckPrefix(cfg.Prefix); err != nil {
		errs = append(errs, fmt.Errorf("redis: %w", err))
	}
	return errs
}

// CheckPrefix says what is wrong with a prefix. Braces would put all
// keys of a cluster into one place.
func CheckPrefix(prefix string) error {
	if len(prefix) > 100 || strings.ContainsFunc(prefix, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("{}*?[]", r) }) {
		return fmt.Errorf("%q cannot stand before keys; write up to 100 letters, digits and the like, without braces, stars and blanks", prefix)
	}
	return nil
}

// settled returns the configuration with defaults for what is not said.
func (cfg Config) settled() Config {
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

// client makes the client. It connects when it is used first.
func (cfg Config) client() goredis.UniversalClient {
	return goredis.NewUniversalClient(&goredis.UniversalOptions{
		Addrs: cfg.Addresses, MasterName: cfg.Master, DB: cfg.Database,
		Username: cfg.Username, Password: cfg.Password,
		SentinelUsername: cfg.SentinelUsername, SentinelPassword: cfg.SentinelPassword,
		Dialer:      cfg.dial,
		DialTimeout: cfg.DialTimeout, ReadTimeout: cfg.ReadTimeout, WriteTimeout: cfg.WriteTimeout,
		ContextTimeoutEnabled: true,
		DialerRetries:         1, // the call itself is tried again
		MaxRetries:            cfg.Retries,
		PoolSize:              cfg.PoolSize,
		PipelinePoolSize:      -1,
		// What a user of the server may do is written down by its operator, who
		// should not need to allow more than the store does.
		Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// dial connects within the time that there is. The driver's own way forgets about
// the context where there is TLS.
func (cfg Config) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, cfg.DialTimeout)
	defer cancel()
	if cfg.TLS == nil {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	return (&tls.Dialer{Config: cfg.TLS}).DialContext(ctx, network, address)
}
