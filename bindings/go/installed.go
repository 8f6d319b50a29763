//go:build cgo

package ssecast

// An installed library, which the compiler finds by itself or by CGO_LDFLAGS. A released module has libraries in it: there, this is
// for -tags ssecast_installed.

// #cgo LDFLAGS: -lssecast
import "C"
