// The collector: the MIT-licensed core of Redpanda Connect (Benthos) with what collect.yaml needs, and an output to Kafka.
// The output has the fields of Redpanda Connect's own output `redpanda`, so the same file runs there.
package main

import (
	"context"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
)

func main() {
	service.RunCLI(context.Background())
}
