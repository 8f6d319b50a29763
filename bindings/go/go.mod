module github.com/ssecast/ssecast/bindings/go

go 1.21
