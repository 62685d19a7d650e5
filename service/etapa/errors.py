"""Every error of Etapa: what it means, who raises it, and who handles it. A test keeps this map in step with the code.

Error messages are for people: they say what was found, where, and what would be right. Errors of libraries are converted to
these in the room that uses the library; the original error is the cause (`__cause__`).

    error                   raised by                 handled by
    ----------------------  ------------------------  ----------------------------------------------------------------
    A file, setting or record cannot be used. The message is for the person who wrote it.
    JourneyError            journey.language          commands: exit 1, with file, line and column of each finding
    DurationError           journey                   the loader, and settings: part of their own message
    PatternError            journey.language          the loader: a finding
      PatternTooLarge
    Unreadable              journey.language          `parse` gives no nodes, once why has been reported
    FileUnreadable          commands.files            commands: exit 2
    PathError               sources                   the loader: a finding
    Unfit, NoTime, Refused, SharesTooMuch
                            sources                   the mapping: a dead letter
    Unwanted                sources                   the mapping: skipped
    SchemaNeeded            contracts                 the intake: learns the schema and asks again; commands: the same
    UnknownSchema, SchemaRefused
                            registry                  the kept schemas: dead letters of the records
    RegistryError           registry                  the kept schemas: SchemasAway
    RegistryMissing         registry                  commands: exit 2
    MappingError            sources                   commands: exit 2
    RecordsError            sources                   commands: exit 1
    DraftError              drafting                  `init`: exit 2, as a usage error
    SettingsError           settings                  cli: exit 2, every wrong setting by name
    RedisUrlError           stream.redis              commands: exit 2
    KafkaSettingsError      stream.kafka              commands: exit 2
    TokenError              stream.kafka              aiokafka: a login that failed; reported as trouble with Kafka
    TopicsError             stream.kafka              commands: exit 1; a worker ends, as WorkerError
    SecretsError            deliver                   commands: exit 2
    DestinationRefused      deliver                   an attempt: failed, with the reason
    SecretError             deliver                   SecretsError names the target

    Stored bytes cannot be read.
    MarkError, StateError   contracts                 a takeover: the partition is refused; `verify`: reported
      OtherDenyKey                                    the same: the deny list was made with another key
    TransferError           contracts                 the tenure: the partition is refused
    DeadLetterError         contracts                 lists of dead letters: counted as foreign
    SentBackError           stream.upkeep             RedriveError names the group
    DeliveryProgressError   contracts                 delivery: the partition is refused, as with DeliveryRefused

    A touchpoint or a timer cannot be judged.
    EvaluationFailed        journey.engine            the batch: a dead letter, or a dropped timer that is reported
    CannotJudge             stream.protocol           the tenure: starts the batch over without the record

    A request to Kafka or Redis failed. The partition is taken over again, and nothing held in memory is trusted.
    LogError                stream.kafka              the partition task; commands: exit 1
      Fenced                                          the partition task: a successor owns it, so it waits a little longer
      Blocked                                         the partition task: refused
        RecordTooLarge                                the partition task: refused; `redrive`: left
      LargeBatch              stream.kafka            the log: reads it in pieces; others: LogError
      CannotUnpack            stream.kafka            the log: Blocked
      BatchTooLarge                                   the partition task: the next batches are smaller; `redrive`: each alone
      OutcomeUnknown                                  the partition task: a takeover finds out whether the commit succeeded
      TransactionHangs                                a takeover: refused, if this lasts
      TopicsMissing                                   the same
    NotTheOne               stream.redis              redis-py: a lost connection, so the command goes to a new one
    ViewError               stream.redis              the partition task; commands: exit 1
      NotKnownNow                                     commands and HTTP: not known at the moment
        BeingRebuilt, OnTheWay
      UnreadableMark                                  the same; `rebuild`: ignored
    InDoubt                 stream.protocol           the partition task
    SchemasAway             registry                  the partition task: waits for the registry; commands: exit 1

    A partition must not be processed in its present state. An operator has to act; meanwhile it is checked again now and then.
    PartitionRefused        stream.protocol           the worker: not ready, with the reason
      AllRefused                                      the worker: releases all partitions, and checks again
      MayPass                                         the partition task: believed after some more checks
      DeliveryRefused         deliver                   delivery: believed after some more checks, then it ends, as WorkerError
      AnotherTopic                                    the same, with another message

    A process or a command cannot go on.
    WorkerError             hosting                   commands: exit 1
    HttpServerError         serve                     commands: exit 1
    WrongSettings           supervise                 `run`: exit 2
    PictureError            page                      `map`: exit 2
    TracingError            tracing                   commands: exit 2
    DemoError, BrokerError, OutcomeError, RedisUnavailable
                            embedded                  the demo: exit 1
    RedriveError            stream.upkeep             commands: exit 1
    NobodyAtWork            stream.upkeep             `rebuild`, `forget`: exit 1
    NotForgotten            stream.upkeep             commands: exit 1
    CannotRepartition       stream.upkeep             `repartition`: exit 1
    CertificateError        contracts                 commands: exit 2

    Used for control flow: the caller handles it, and it is never seen outside.
    NotShown, WentBack      stream.upkeep             `verify`: not comparable; begin again
    NothingProcessed        stream.upkeep             `topics accept`: the next partition
    Skipped                 deliver                   delivery reads the partition again
    HeadOnly                deliver                   delivery: an answer whose head is enough

The command line itself raises click exceptions, `CheckFailed` (exit 1) and `WrongUse` (exit 2): they end the command, and nothing
catches them.
`TransactionAbortable` extends aiokafka's errors: an answer of brokers that aiokafka does not know yet. It is reported as a `LogError`.
"""


class EtapaError(Exception):
    """The base class of every error of Etapa."""
