// The collector: what collect.yaml needs from the MIT-licensed core of Redpanda Connect (Benthos), and an output to Kafka.
// The output has the same fields as Redpanda Connect's own output `redpanda`, so the same file runs there.
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
