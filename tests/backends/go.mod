module example.com/backends

go 1.24
