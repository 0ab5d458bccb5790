package backend

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// errNotFound says that there is no such object.
var errNotFound = errors.New("not found")

// S3 is a client of one bucket: path style, AWS Signature Version 4.
type S3 struct {
	endpoint, bucket, region string
	accessKey, secret, token string
	twice                    bool
	client                   *http.Client
	logged                   sync.Once
}

// openS3 reads the S3_* variables; nil without S3_ENDPOINT.
func openS3(defects *Defects) (*S3, error) {
	endpoint := strings.TrimSuffix(os.Getenv("S3_ENDPOINT"), "/")
	if endpoint == "" {
		return nil, nil
	}
	if !strings.Contains(endpoint, "://") {
		endpoint = "https://" + endpoint
	}
	for _, name := range []string{"S3_BUCKET_NAME", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"} {
		if os.Getenv(name) == "" {
			return nil, fmt.Errorf("S3_ENDPOINT is set, but %s is not", name)
		}
	}
	region := os.Getenv("S3_REGION")
	if region == "" {
		region = "us-east-1"
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		MaxIdleConnsPerHost:   64,
		DisableKeepAlives:     defects.newConnections,
		DisableCompression:    true,
		ResponseHeaderTimeout: 30 * time.Second,
	}
	return &S3{
		endpoint: endpoint, bucket: os.Getenv("S3_BUCKET_NAME"), region: region,
		accessKey: os.Getenv("S3_ACCESS_KEY_ID"), secret: os.Getenv("S3_SECRET_ACCESS_KEY"),
		token: os.Getenv("S3_SESSION_TOKEN"), twice: defects.twice, client: &http.Client{Transport: transport},
	}, nil
}

// Head reports whether there is an object.
func (s *S3) Head(key string) bool {
	body, err := s.do(http.MethodHead, key, nil)
	if err != nil {
		return false
	}
	Finish(body)
	return true
}

// Get reads an object; the caller ends it with Finish.
func (s *S3) Get(key string) (io.ReadCloser, error) {
	return s.do(http.MethodGet, key, nil)
}

// Put stores an object.
func (s *S3) Put(key string, content []byte) error {
	body, err := s.do(http.MethodPut, key, content)
	if err == nil {
		Finish(body)
	}
	return err
}

// Finish reads a body to its end, so that the connection can be used again.
func Finish(body io.ReadCloser) {
	io.Copy(io.Discard, body)
	body.Close()
}

func (s *S3) do(method, key string, content []byte) (io.ReadCloser, error) {
	if s.twice && method != http.MethodHead {
		if body, err := s.once(method, key, content); err == nil {
			Finish(body)
		}
	}
	body, err := s.once(method, key, content)
	if err != nil && err != errNotFound {
		s.logged.Do(func() { log.Printf("S3: %s of %s failed: %v; later errors are not printed", method, key, err) })
	}
	return body, err
}

func (s *S3) once(method, key string, content []byte) (io.ReadCloser, error) {
	address := s.endpoint + "/" + escape(s.bucket) + "/" + escape(key)
	request, err := http.NewRequest(method, address, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	s.sign(request, content, time.Now().UTC())
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response.Body, nil
	}
	Finish(response.Body)
	if response.StatusCode == http.StatusNotFound {
		return nil, errNotFound
	}
	return nil, errors.New(response.Status)
}

// sign adds the headers of AWS Signature Version 4.
func (s *S3) sign(request *http.Request, content []byte, now time.Time) {
	sum := sha256.Sum256(content)
	payload, day := hex.EncodeToString(sum[:]), now.Format("20060102")
	headers := [][2]string{
		{"host", request.URL.Host},
		{"x-amz-content-sha256", payload},
		{"x-amz-date", now.Format("20060102T150405Z")},
	}
	if s.token != "" {
		headers = append(headers, [2]string{"x-amz-security-token", s.token})
	}
	var lines, names strings.Builder
	for _, header := range headers {
		fmt.Fprintf(&lines, "%s:%s\n", header[0], header[1])
		names.WriteString(";" + header[0])
		if header[0] != "host" {
			request.Header.Set(header[0], header[1])
		}
	}
	signed := names.String()[1:]
	canonical := strings.Join([]string{request.Method, request.URL.EscapedPath(), "", lines.String(), signed, payload}, "\n")
	sum = sha256.Sum256([]byte(canonical))
	scope := day + "/" + s.region + "/s3/aws4_request"
	text := "AWS4-HMAC-SHA256\n" + now.Format("20060102T150405Z") + "\n" + scope + "\n" + hex.EncodeToString(sum[:])
	signature := []byte("AWS4" + s.secret)
	for _, part := range []string{day, s.region, "s3", "aws4_request", text} {
		mac := hmac.New(sha256.New, signature)
		mac.Write([]byte(part))
		signature = mac.Sum(nil)
	}
	request.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x",
		s.accessKey, scope, signed, signature))
}

// escape writes a name as the signature wants it in a path; url.PathEscape leaves some of these bytes as they are.
func escape(name string) string {
	return strings.NewReplacer("+", "%2B", "=", "%3D", "$", "%24", "&", "%26", ":", "%3A", "@", "%40").Replace(url.PathEscape(name))
}
