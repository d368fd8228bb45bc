"""What the batch transport relies on in faust-streaming and aiokafka, beyond what they promise.

When one of these fails, a version has moved: the sentence says what would break in streams/transport.py,
streams/worker.py or streams/owner.py. Mend that first, then the pin and this file.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from importlib import metadata
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher as KafkaFetcher
from faust.streams import Stream
from faust.tables.recovery import Recovery
from faust.transport import conductor, consumer
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP, ConsumerMessage, Message

from streams.transport import BatchConsumer, BatchMessage, BatchSchema, BatchTransport
from tests.servers import REPO


def parameters(function: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


def source(thing: Any) -> str:
    return re.sub(r"\s+", " ", inspect.getsource(thing))


@pytest.mark.parametrize(("package", "version"), [("faust-streaming", "0.15.3"), ("aiokafka", "0.14.0")])
def test_versions_are_pinned_and_these_are_installed(package: str, version: str) -> None:
    assert metadata.version(package) == version, (
        f"{package} has moved: the transport uses its insides. Go through this file, then pin the new "
        f"version."
    )
    assert re.search(
        rf'"{package}(\[[a-z0-9,]+\])?=={re.escape(version)}"', (REPO / "pyproject.toml").read_text()
    )
    assert re.search(
        rf"(?m)^{package}(\[[a-z0-9,]+\])?=={re.escape(version)}$", (REPO / "constraints.txt").read_text()
    )


@pytest.mark.parametrize(
    ("name", "wanted", "breaks"),
    [
        ("_wait_next_records", ["timeout"], "getmany cannot fetch: no batch is ever delivered"),
        ("_getmany", ["active_partitions", "timeout"],
         "a partition whose lane is busy would be fetched on and on: memory goes with what waits in Kafka"),
        ("_add_gap", ["tp", "offset_from", "offset_to"],
         "every offset inside a slice would be put into an interval tree as a gap: memory and time "
         "without end"),
        ("_new_offset", ["tp"], "stock Faust would decide what to commit, and commit past work in flight"),
        ("getmany", ["timeout"], "our getmany would not be called: records come one by one, without claims"),
        ("on_buffer_full", ["tp"], "a full queue would drop its partition from the fetch, and sleep 1 s"),
        ("perform_seek", [], "nobody would claim after a rebalance: nothing is read, or past the fence"),
        ("on_partitions_revoked", ["revoked"], "what is done would not be committed before it is given away"),
        ("seek_wait", ["partitions"], "a claimed partition would not be read from its fence"),
        ("commit", ["topics", "start_new_transaction"], "offsets would not be committed at a revocation"),
        ("earliest_offsets", ["partitions"], "a partition without a fence would start anywhere"),
        ("highwaters", ["partitions"], "a fence beyond the end of the log would not be noticed"),
        ("highwater", ["tp"], "lag could not be told, nor whether a lane has caught up"),
        ("assignment", [], "the owner would not know what to claim"),
        ("_to_message", ["tp", "record"], "topics that are not batched could not be read"),
    ],
)  # fmt: skip
def test_what_we_override_or_call_is_there_with_these_parameters(
    name: str, wanted: list[str], breaks: str
) -> None:
    found = getattr(driver.Consumer, name, None)
    assert found is not None, f"Consumer.{name} is gone: {breaks}"
    assert parameters(found) == wanted, (
        f"Consumer.{name} takes {parameters(found)} now, not {wanted}: {breaks}"
    )


@pytest.mark.parametrize(
    "name", ["_wait_next_records", "getmany", "perform_seek", "_add_gap", "commit", "seek_wait"]
)
def test_what_is_awaited_can_be(name: str) -> None:
    found = getattr(driver.Consumer, name)
    assert inspect.iscoroutinefunction(found) or inspect.isasyncgenfunction(found), (
        f"Consumer.{name} is no coroutine any more: awaiting it in the transport fails"
    )


@pytest.mark.parametrize(
    "name", ["_acked", "_acked_index", "_read_offset", "_committed_offset", "_buffered_partitions"]
)
def test_tables_of_offsets_are_there(name: str) -> None:
    assert f"self.{name} = " in source(consumer.Consumer.__init__), (
        f"Consumer.{name} is gone: what we set or clear there has no effect, and offsets are committed "
        f"or dropped wrongly"
    )


def test_fetched_records_come_with_the_active_partitions() -> None:
    assert "return records, active_partitions" in source(consumer.Consumer._wait_next_records), (
        "_wait_next_records returns something else: getmany unpacks (records, active partitions)"
    )


def test_one_loop_alone_fetches() -> None:
    text = source(consumer.Consumer._drain_messages)
    assert text.count("getmany(") == 1 and "async for tp, message in ait" in text, (
        "getmany is called from elsewhere too: it seeks before it fetches, which is safe only while "
        "fetches do not overlap"
    )
    assert "if r_offset is None or offset >= r_offset" in text and "set_read_offset(tp, offset)" in text, (
        "_drain_messages drops messages by another rule: after a seek back to the fence ours may be "
        "dropped silently"
    )
    assert "if gap > 1 and r_offset" in text and "self._add_gap(" in text, (
        "gaps are noticed in another way: slices, which look like gaps, must stay out of it"
    )


def test_only_partitions_with_acks_are_looked_at_for_a_commit() -> None:
    assert "for tp in self._acked" in source(consumer.Consumer._filter_tps_with_pending_acks), (
        "commits look for work in another table than _acked: what our tracker knows would never be committed"
    )
    text = source(consumer.Consumer._filter_committable_offsets)
    assert "self._new_offset(tp)" in text and "self._should_commit(tp, offset)" in text, (
        "commits do not ask _new_offset any more: stock Faust would commit past work in flight"
    )
    assert "committed is None or" in source(consumer.Consumer._should_commit), (
        "an unknown committed offset does not let every commit pass: after a seek back to the fence "
        "nothing is committed"
    )


def test_seeking_follows_every_assignment() -> None:
    assert source(Recovery).count("consumer.perform_seek()") == 2, (
        "perform_seek is not called once the partitions are known: they would be read without being claimed"
    )
    for name in ("resume_flow", "stop_flow"):
        assert "self.flow_active = " in source(getattr(consumer.Consumer, name)), (
            "flow_active does not tell a rebalance any more: batches fetched in the midst of one would be "
            "delivered"
        )


def test_a_seek_is_done_in_the_thread_that_fetches() -> None:
    assert "call_thread(self._seek_wait" in source(driver.AIOKafkaConsumerThread.seek_wait), (
        "seek_wait does not run in the consumer's thread: it would race with the fetch"
    )
    seek = source(KafkaFetcher.seek_to)
    assert "del self._records[tp]" in seek or "self._records.pop(tp" in seek, (
        "a seek keeps what was prefetched: records from before the seek would come after it"
    )


def test_how_long_a_fetch_waits_can_be_set_before_the_consumer_starts() -> None:
    made = source(driver.AIOKafkaConsumerThread._create_worker_consumer)
    assert "fetch_max_wait_ms=1500" in made, "Faust waits another time now: is FETCH_WAIT_MS still needed?"
    assert "fetch_max_wait_ms=self._fetch_max_wait_ms" in source(AIOKafkaConsumer.start), (
        "the fetcher takes its wait from elsewhere: a fetch would hold up its broker for 1.5 s again"
    )
    assert "AIOKafkaConsumerThread(" in source(driver.Consumer._new_consumer_thread), (
        "our thread would not be used: a fetch would hold up its broker for 1.5 s again"
    )


def test_a_message_has_the_slots_that_a_slice_needs() -> None:
    made = parameters(Message.__init__)
    wanted = ["topic", "partition", "offset", "timestamp", "timestamp_type", "headers", "key", "value",
              "checksum", "serialized_key_size", "serialized_value_size", "tp"]  # fmt: skip
    assert made[: len(wanted)] == wanted and "generation_id" in made, (
        f"a Message is made of {made} now: BatchMessage puts the slice where the value was"
    )
    tp = TP("t", 0)
    message = BatchMessage("t", 0, 9, 0.0, 0, (), None, "slice", None, None, None, tp, generation_id=3)
    assert (message.value, message.tp, message.offset, message.generation_id) == ("slice", tp, 9, 3)


def test_the_last_ack_tells_the_message() -> None:
    assert parameters(ConsumerMessage.on_final_ack) == ["consumer"], (
        "on_final_ack is called in another way: no slice would ever count as done"
    )
    assert "self.on_final_ack(consumer)" in source(Message.ack), (
        "Message.ack does not call on_final_ack: no slice would ever count as done"
    )
    assert "event.ack()" in source(Stream.ack), (
        "Stream.ack does not ack the event's message: the explicit ack behind the fence would do nothing"
    )


def test_a_stream_without_acks_leaves_them_to_us() -> None:
    assert "enable_acks=False" in source(Stream.noack), (
        "stream.noack() does not switch acks off: a slice would count as done before it is behind the fence"
    )


def test_pressure_is_told_to_the_consumer_and_a_full_queue_waits() -> None:
    text = source(conductor.ConductorCompiler)
    assert "consumer_on_buffer_full" in text and "queue.full()" in text and ".put(dest_event)" in text, (
        "the conductor handles a full queue in another way: its put must wait, and on_buffer_full must "
        "be ours"
    )


def test_app_topic_and_schema_take_what_we_give() -> None:
    assert {"schema", "maxsize", "key_type", "value_type"} <= set(parameters(faust.App.topic)), (
        "app.topic takes no schema or maxsize: slices would be decoded as values, or queue without bound"
    )
    assert {"app", "on_key_decode_error", "on_value_decode_error", "default_propagate"} <= set(
        parameters(faust.Schema.compile)
    ), "Schema.compile is called with other parameters: BatchSchema hands slices through undecoded"
    assert issubclass(BatchTransport.Consumer, driver.Consumer) and BatchTransport.Consumer is BatchConsumer
    assert "self.Consumer(" in source(driver.Transport.create_consumer), (
        "the transport does not make its consumer from its class attribute: the stock one would run"
    )


def test_a_slice_is_handed_through_undecoded() -> None:
    class App:
        def create_event(self, key: Any, value: Any, headers: Any, message: Any) -> Any:
            return key, value, message

    class Slice:
        value = object()

    decode = BatchSchema().compile(App())
    step = decode(Slice)
    with pytest.raises(StopIteration) as done:
        step.send(None)
    assert done.value.value == (None, Slice.value, Slice)


def test_settings_that_we_rely_on_exist() -> None:
    conf = faust.App("contract", broker="kafka://127.0.0.1:1", store="memory://").conf
    for name, breaks in {
        "broker_max_poll_records": "an undrained partition would hold back its broker for 0.1 s",
        "consumer_max_fetch_size": "slices would be of the default size",
        "stream_wait_empty": "a rebalance would wait for acks that come with the fence",
        "broker_session_timeout": "a dead worker's partitions would stay with it",
        "broker_rebalance_timeout": "Tansu would let a worker wait half a minute for its partitions",
        "broker_request_timeout": "seeking within Faust's callbacks would time out otherwise",
        "topic_disable_leader": "Faust would make a topic of its own to elect a leader",
        "topic_allow_declare": "Faust would make topics",
        "producer_threaded": "the threaded producer must be off",
    }.items():
        assert hasattr(conf, name), f"the setting {name} is gone: {breaks}"
