//go:build !cgo

package ssecast

// Every other file is left out without cgo: this is the only error of such a build, and it has the reason in it.
const _ int = "ssecast is a C library, which needs cgo: set CGO_ENABLED=1, and install a C compiler (CC names one for another system)"
