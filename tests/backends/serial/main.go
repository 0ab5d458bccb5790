// Serial is a GOCACHEPROG backend that answers one request at a time, and uploads inside the put.
package main

import "example.com/backends/internal/backend"

func main() {
	objects := &backend.Objects{Session: backend.Start()}
	get := func(action []byte) (backend.Entry, bool) {
		if entry, found := objects.Store.Entry(action); found {
			return entry, true
		}
		entry, found := objects.Fetch(action)
		return entry, found && objects.Store.WriteEntry(action, entry) == nil
	}
	objects.Serve(backend.Program{Get: get, Put: objects.Upload})
}
