// The newest that builds with the Go of Debian 12 (1.19): from v1.0.0 on gofakes3 needs 1.24.
module millrace/gofakes3

go 1.16

require github.com/johannesboyne/gofakes3 v0.0.0-20250106100439-5c39aecd6999
