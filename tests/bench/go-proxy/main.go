// A reverse proxy as one writes it in Go: httputil.ReverseProxy, the token in a sync.Map, fetched
// when it is missing or nearly over. For the bench; see ../run.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"flag"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

type token struct {
	header string
	until  time.Time
}

type source struct {
	tokens       sync.Map // upstream name to *token
	lock         sync.Mutex
	endpoint     string
	user, secret string
}

func (s *source) fetch() (*token, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if known, ok := s.tokens.Load("location"); ok && time.Now().Before(known.(*token).until) {
		return known.(*token), nil
	}
	request, err := http.NewRequest("POST", s.endpoint, nil)
	if err != nil {
		return nil, err
	}
	request.SetBasicAuth(s.user, s.secret)
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	var grant struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	if err := json.NewDecoder(reply.Body).Decode(&grant); err != nil {
		return nil, err
	}
	fresh := &token{"Bearer " + grant.AccessToken,
		time.Now().Add(time.Duration(grant.ExpiresIn)*time.Second - 5*time.Minute)}
	s.tokens.Store("location", fresh)
	return fresh, nil
}

func (s *source) header() string {
	if known, ok := s.tokens.Load("location"); ok && time.Now().Before(known.(*token).until) {
		return known.(*token).header
	}
	fresh, err := s.fetch()
	if err != nil {
		log.Print(err)
		return ""
	}
	return fresh.header
}

func guid() string {
	var bytes [16]byte
	rand.Read(bytes[:])
	return hex.EncodeToString(bytes[:])
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address")
	upstream := flag.String("upstream", "", "URL")
	user := flag.String("user", "demo", "client id")
	secret := flag.String("secret", "", "client secret")
	flag.Parse()
	target, err := url.Parse(*upstream)
	if err != nil {
		log.Fatal(err)
	}
	tokens := &source{endpoint: *upstream + "/auth/v1", user: *user, secret: *secret}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{MaxIdleConns: 0, MaxIdleConnsPerHost: 5000,
		DisableCompression: true}
	handler := func(out http.ResponseWriter, in *http.Request) {
		id := guid()
		in.Header.Set("Authorization", tokens.header())
		in.Header.Set("X-GUID", id)
		out.Header().Set("X-GUID", id)
		proxy.ServeHTTP(out, in)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, http.HandlerFunc(handler)))
}
