package main

import (
	"context"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"
)

func init() {
	spec := service.NewConfigSpec().
		Summary("Writes to Kafka, and acknowledges a record once all in-sync replicas have it. Partitions keys as the Java client does.").
		Fields(
			service.NewStringListField("seed_brokers").Description("Each may hold several, separated by commas."),
			service.NewInterpolatedStringField("topic"),
			service.NewInterpolatedStringField("key").Optional(),
			service.NewMetadataFilterField("metadata").Description("Which metadata become headers of the record."),
			service.NewStringEnumField("partitioner", "murmur2_hash").Default("murmur2_hash"),
			service.NewBoolField("idempotent_write").Default(true),
			service.NewStringField("max_message_bytes").Default("1MB"),
			service.NewDurationField("timeout").Default("10s"),
			service.NewOutputMaxInFlightField().Default(256),
			service.NewBatchPolicyField("batching"),
			service.NewTLSToggledField("tls"),
		)
	err := service.RegisterBatchOutput("redpanda", spec,
		func(conf *service.ParsedConfig, _ *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
			output, err := outputFrom(conf)
			if err != nil {
				return nil, service.BatchPolicy{}, 0, err
			}
			policy, err := conf.FieldBatchPolicy("batching")
			if err != nil {
				return nil, policy, 0, err
			}
			inFlight, err := conf.FieldMaxInFlight()
			return output, policy, inFlight, err
		})
	if err != nil {
		panic(err)
	}
}

type kafkaOutput struct {
	topic, key *service.InterpolatedString
	headers    *service.MetadataFilter
	options    []kgo.Opt
	client     *kgo.Client
}

func outputFrom(conf *service.ParsedConfig) (*kafkaOutput, error) {
	listed, err := conf.FieldStringList("seed_brokers")
	if err != nil {
		return nil, err
	}
	var seeds []string
	for _, some := range listed {
		seeds = append(seeds, strings.Split(some, ",")...)
	}
	timeout, err := conf.FieldDuration("timeout")
	if err != nil {
		return nil, err
	}
	topic, err := conf.FieldInterpolatedString("topic")
	if err != nil {
		return nil, err
	}
	output := &kafkaOutput{topic: topic, options: options(seeds, timeout)}
	if conf.Contains("key") {
		if output.key, err = conf.FieldInterpolatedString("key"); err != nil {
			return nil, err
		}
	}
	if output.headers, err = conf.FieldMetadataFilter("metadata"); err != nil {
		return nil, err
	}
	if idempotent, err := conf.FieldBool("idempotent_write"); err != nil {
		return nil, err
	} else if !idempotent {
		output.options = append(output.options, kgo.DisableIdempotentWrite())
	}
	tls, enabled, err := conf.FieldTLSToggled("tls")
	if err != nil {
		return nil, err
	}
	if enabled {
		output.options = append(output.options, kgo.DialTLSConfig(tls))
	}
	return output, nil
}

func options(seeds []string, timeout time.Duration) []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(seeds...),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		// The Java client's partitioner: murmur2 of the key, or any partition without a key.
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()),
		kgo.RecordDeliveryTimeout(timeout),
		kgo.ProduceRequestTimeout(timeout),
		kgo.UnknownTopicRetries(2),
	}
}

func (k *kafkaOutput) Connect(ctx context.Context) error {
	if k.client != nil {
		return nil
	}
	client, err := kgo.NewClient(k.options...)
	if err != nil {
		return err
	}
	if err := client.Ping(ctx); err != nil {
		client.Close()
		return err
	}
	k.client = client
	return nil
}

func (k *kafkaOutput) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	if k.client == nil {
		return service.ErrNotConnected
	}
	records := make([]*kgo.Record, 0, len(batch))
	for at, message := range batch {
		value, err := message.AsBytes()
		if err != nil {
			return err
		}
		topic, err := batch.TryInterpolatedString(at, k.topic)
		if err != nil {
			return err
		}
		record := &kgo.Record{Topic: topic, Value: value}
		if k.key != nil {
			key, err := batch.TryInterpolatedBytes(at, k.key)
			if err != nil {
				return err
			}
			if len(key) > 0 {
				record.Key = key
			}
		}
		err = k.headers.Walk(message, func(name, value string) error {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
			return nil
		})
		if err != nil {
			return err
		}
		records = append(records, record)
	}
	return k.client.ProduceSync(ctx, records...).FirstErr()
}

func (k *kafkaOutput) Close(context.Context) error {
	if k.client != nil {
		k.client.Close()
	}
	return nil
}
