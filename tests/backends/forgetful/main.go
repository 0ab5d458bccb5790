// Forgetful is a GOCACHEPROG backend that asks S3 in each build anew: it stores outputs that came from S3, but not their entries.
package main

import "example.com/backends/internal/backend"

func main() {
	objects := &backend.Objects{Session: backend.Start()}
	get := func(action []byte) (backend.Entry, bool) {
		if entry, found := objects.Store.Entry(action); found {
			return entry, true
		}
		return objects.Fetch(action)
	}
	objects.Serve(backend.Program{Get: get, Put: objects.Upload, Concurrent: true})
}
