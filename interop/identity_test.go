package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// certified is a certificate for 127.0.0.1, as servers in Go and in other
// languages want it, and as a client trusts it.
type certified struct {
	dir, certFile, keyFile string
	cert                   tls.Certificate
	pool                   *x509.CertPool
}

// identity returns the certificate of all servers; it is made on first use.
var identity = sync.OnceValues(func() (*certified, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "interop"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	id := &certified{pool: x509.NewCertPool()}
	id.pool.AppendCertsFromPEM(certPEM)
	if id.cert, err = tls.X509KeyPair(certPEM, keyPEM); err != nil {
		return nil, err
	}
	if id.dir, err = os.MkdirTemp("", "interop"); err != nil {
		return nil, err
	}
	id.certFile, id.keyFile = filepath.Join(id.dir, "cert.pem"), filepath.Join(id.dir, "key.pem")
	return id, errors.Join(os.WriteFile(id.certFile, certPEM, 0o600), os.WriteFile(id.keyFile, keyPEM, 0o600))
})

func removeIdentity() {
	if id, err := identity(); err == nil {
		os.RemoveAll(id.dir)
	}
}
