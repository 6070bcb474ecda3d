//! Message brokers, as the application that uses them tells of them: reply codes of AMQP 0-9-1 (section 1.2, with the reply
//! texts of `RabbitMQ`), error names of Kafka's protocol, reason codes of IBM MQ, exceptions of JMS; and what a broker's own
//! management interface counts.

use super::answer::Answer;
use super::evidence::Evidence;
use super::lb::last_name;
use super::quoted::{Quoted, Words};
use super::registry::{Rule, Ruling, causes};
use crate::model::cause::Confidence;

causes! { Mq:
    NO_QUEUE = "jms-or-mq-queue-missing" at Dependency,
        "The queue or exchange is not on the broker.",
        "The application reached the broker and was let in; only the queue or exchange is not found (404 NOT_FOUND).",
        ["create the queue or exchange, or restore the broker's definitions", "is it in another vhost?"];
    NO_VHOST = "mq-vhost-missing" at Dependency,
        "The virtual host is not on the broker.",
        "The password was right; the connection is refused with 530 NOT_ALLOWED, not found.",
        ["rabbitmqctl add_vhost, or correct the vhost in the application's connection string"];
    VHOST_REFUSED = "mq-vhost-permission" at Dependency,
        "The application's user may not use the virtual host.",
        "530 NOT_ALLOWED says refused, where a vhost that is missing says not found.",
        ["rabbitmqctl set_permissions -p VHOST USER ..."];
    LOGIN = "mq-login-refused" at Source,
        "The broker does not accept the application's user or password.",
        "The connection itself is refused, before any queue is named.",
        ["give the application the broker's credentials, and restart it", "the broker's log tells the reason"];
    ACL = "mq-acl-resource" at Dependency,
        "The application's user lacks a right on the queue or exchange.",
        "403 ACCESS_REFUSED names the queue or exchange: the connection and the vhost are accepted.",
        ["rabbitmqctl set_permissions with configure, write and read for this name"];
    PRECONDITION = "mq-precondition-failed" at Dependency,
        "The queue is there with other arguments than the application declares.",
        "406 PRECONDITION_FAILED names the argument, with what is received and what is current.",
        ["let both versions declare the same", "or delete the queue once it is empty, and let it be declared anew"];
    NO_ROUTE = "mq-unroutable" at Dependency,
        "No queue is bound for the message: the broker gives it back.",
        "312 NO_ROUTE: the exchange is there, and no binding has the routing key.",
        ["bind the queue to the exchange with the routing key", "compare the bindings with those of before"];
    TOO_LARGE = "mq-message-too-large" at Dependency,
        "The message is larger than the broker or the topic takes.",
        "The answer names the size and the limit; smaller messages pass.",
        ["raise the limit at the broker, the topic and the client alike, or send less at once"];
    ALARM = "mq-blocked-alarm" at Dependency,
        "The broker blocks whoever publishes: it is low on disk or memory.",
        "Connections are taken and reading works, publishing waits: a resource alarm is in effect.",
        ["make space on the broker's disk, or memory: rabbitmq-diagnostics alarms", "let the consumers catch up"];
    KAFKA_TOPIC = "kafka-topic-auth" at Dependency,
        "The topic is not there, or the application may not use it.",
        "Kafka's error name says which: UNKNOWN_TOPIC_OR_PARTITION, or one of the AUTHORIZATION_FAILED.",
        ["create the topic, or add the ACL for the application's principal"];
    KAFKA_LISTENERS = "kafka-advertised-listeners" at Dependency,
        "The broker tells its clients an address of its own that they do not reach.",
        "The bootstrap server answers; the node that it names afterwards does not resolve or connect.",
        ["set advertised.listeners of the broker to names that its clients know"];
    NO_CONSUMER = "mq-no-consumer" at Target,
        "Nobody reads the queue.",
        "The broker counts no consumer for it; messages only gather.",
        ["start the application that reads it", "does it read another queue or vhost?"];
    DEAD_LETTERS = "mq-poison-dlq" at Target,
        "Messages end in the dead letter queue: whoever reads them rejects them.",
        "Its depth is not what the baseline has, while the queue itself is read.",
        ["read one of the messages and its x-death header", "compare the message's schema with what the new version reads"];
}

pub(super) const RULES: &[Rule] = &[alarm_report, listeners, quoted, no_consumer, dead_letters];

/// From the particular to the general.
const WORDS: &[Words] = &[
    (NO_QUEUE, &[
        &["not_found - no queue"], &["not_found - no exchange"], &["mqrc_unknown_object_name"], &["invaliddestinationexception"],
        // Artemis: queue does not exist.
        &["amq229017"],
    ]),
    (NO_VHOST, &[&["not_allowed - vhost", "not found"]]),
    (VHOST_REFUSED, &[&["not_allowed - access to vhost", "refused"]]),
    (LOGIN, &[
        &["access_refused - login was refused"], &["sasl_authentication_failed"], &["saslauthenticationexception"],
        &["mqrc_not_authorized"], &["user name [", "or password is invalid"],
        // Artemis: unable to validate user.
        &["amq229031"],
    ]),
    // Artemis: the user has no permission.
    (ACL, &[&["access_refused - ", "access to", "refused for user"], &["amq229032"]]),
    (PRECONDITION, &[&["precondition_failed - inequivalent arg"]]),
    (TOO_LARGE, &[
        &["precondition_failed - message size"], &["message_too_large"], &["recordtoolargeexception"], &["mqrc_msg_too_big"],
        &["bytes when serialized which is larger than"],
    ]),
    (ALARM, &[&["resource alarm"], &["blocked", "low on disk"], &["blocked", "low on memory"], &["blocked connection timeout"], &["connectionblockedtimeout"]]),
    (NO_ROUTE, &[&["312", "no_route"], &["text=no_route"], &["unroutable message"]]),
    (KAFKA_TOPIC, &[
        &["unknown_topic_or_partition"], &["does not host this topic-partition"], &["not present in metadata after"],
        &["topic_authorization_failed"], &["topicauthorizationexception"], &["not authorized to access topics"],
        &["group_authorization_failed"], &["groupauthorizationexception"], &["not authorized to access group"],
        &["cluster_authorization_failed"], &["transactional_id_authorization_failed"],
    ]),
];

fn quoted(evidence: &Evidence<'_>) -> Option<Ruling> {
    Quoted::of(evidence)?.find(WORDS)
}

/// Of a node that the bootstrap server named; the bootstrap server itself has a number below zero.
fn listeners(evidence: &Evidence<'_>) -> Option<Ruling> {
    let quoted = Quoted::of(evidence)?;
    let of_bootstrap = ["connection to node -", "(id: -"].iter().any(|word| quoted.text.contains(word));
    let words: &[Words] = &[(KAFKA_LISTENERS, &[
        &["error connecting to node", "unknownhostexception"],
        &["error connecting to node", "failed to resolve"],
        &["connection to node", "could not be established. node may not be available"],
    ])];
    quoted.find(words).filter(|_| !of_bootstrap)
}

/// The health check of `RabbitMQ`: `/api/health/checks/alarms`.
fn alarm_report(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[503])?;
    let alarms = answer.json()?.get("alarms")?.as_array()?.len();
    (alarms > 0).then(|| answer.quote(ALARM))
}

/// What was counted beside what was expected, when it is of one of these names.
fn counted(answer: &Answer<'_>, names: &[&str]) -> Option<(String, u64)> {
    let one = answer.mismatches().iter().find(|one| names.contains(&&*last_name(&one.what)))?;
    Some((one.what.clone(), one.got.parse().ok()?))
}

fn no_consumer(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::steady(evidence)?;
    let (what, count) = counted(&answer, &["consumers", "consumer_count", "consumercount"])?;
    (count == 0).then(|| answer.tell(NO_CONSUMER).saying(&format!("The broker says {what} is 0.")))
}

/// Names of queues in which rejected messages end.
const DEAD: &[&str] = &["dlq", "dlx", "dead-letter", "deadletter", "dead_letter", "poison"];

fn dead_letters(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::steady(evidence)?;
    let target = evidence.check.target.to_lowercase();
    let (what, count) = counted(&answer, &["messages", "messages_ready", "message_count", "messagecount", "queuesize"])?;
    let is_dead = DEAD.iter().any(|word| target.contains(word));
    (is_dead && count > 0).then(|| {
        let ruling = answer.tell(DEAD_LETTERS).saying(&format!("The broker says {what} is {count}."));
        let sure = ruling.confidence.min(Confidence::Medium);
        ruling.sure(sure)
    })
}
