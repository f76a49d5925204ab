"""Documents in few bytes: raw deflate (RFC 1951) primed with a fixed text (FORMAT.md section 11 "Packed").

A leaf is mostly hexadecimal digits, which carry half a byte each, between names that every leaf repeats.  Primed with
both, deflate halves it.  What is packed here is still judged by its digest after unpacking, so these bytes need no
trust; a hostile one can only be refused, never grow without bound.  This module reaches no I/O.
"""

import zlib

from audit.errors import FormatError

UNPACK_LIMIT = 4 * 1024 * 1024
"""Bytes that one packed document may become: more than the recorder takes in one header (`wire.MAX_HEADER_BYTES`)."""

DICTIONARY = (
    b'0123456789abcdef","surface":"oauth"fhir"hl7v2"cds_hooks"jobs"stream":true,"withheld":[],"warnings":[],'
    b'"kinds":["counts":["provider":"service":"region":"agreement":"recipient":"recipient_address":"bytes":'
    b'"description":"digest":"managed:disclosure"access"operation"epoch"ETREAT"HPAYMT"HOPERAT"cancelled"incomplete"'
    b'failed"refused"query"show"receipt"results":"operator":"question":"sequences":["document-classification"'
    b'prior-authorization-letter"scheduling-message"discharge-summary"medical-coding"'
    b'smollm2@sha256:"local@sha256:"external@sha256:'
    b'"tenant":"default","code":"use_task","facts":{"action":"UseTask","allowed":true,"policies":["granted-task"'
    b'],"reasons":["An operator has granted this task to the client."]},"request_id":"req_'
    b'"facts":{"below_threshold":false,"evidence":"meets","identifiers":[],"illustrative":true,"pinned":false,'
    b'"pinned":true,'
    b'"reasons":["5.0 % of 500 local drafts were edited; the 95 % upper bound 7.3 % is within this task'
    b"'s threshold of 20 %;"
    b' the draft is made locally.","(Illustrative evidence of the reference example; sandbox only.)"]},'
    b'"request_id":"req_'
    b'"facts":{"completion_tokens":200,"elapsed_ms":110,"finish_reason":"stop","prompt_tokens":70,"warnings":[],'
    b'"withheld":[]},"request_id":"req_","trace_id":"'
    b'{"client":"client_","facts":{"stream":true},"request_id":"req_","facts":{"surface":"chat"},"surface":"tasks"}'
    b'{"cipher":"","client":"","code":"route","exchange":"ex_","facts":"","id":"ev_","kind":"decision","kind":"release",'
    b'"kind":"outcome","kind":"intent","model":"smollm2@sha256:","month":"2026-1","origin":"appliance.local/",'
    b'"outcome":"answered","patients":[""],"plain":"","policy":"","prev":"ev_","purpose":"TREAT","route":"local",'
    b'"seq":1,"task":"","tenant":"sandbox","time":179,"user":"","v":1}'
)
"""What both sides know already; part of the format, so it never changes.  The likeliest text stands last."""

_LEVEL = 6
_WINDOW_BITS = 12
"""Part of the format: nothing refers further back than 4 KiB, over the document and the dictionary before it.  A small
window is quick to set up, and for a document of half a KiB that is most of the work."""

_MEMORY_LEVEL = 5
_RAW = -1
"""zlib takes the window's size negative for deflate without a header."""


def pack(data: bytes) -> bytes:
    """Return a document in few bytes."""
    packer = zlib.compressobj(
        _LEVEL, zlib.DEFLATED, _RAW * _WINDOW_BITS, _MEMORY_LEVEL, zlib.Z_DEFAULT_STRATEGY, DICTIONARY
    )
    return packer.compress(data) + packer.flush()


def unpack(data: bytes, *, limit: int = UNPACK_LIMIT) -> bytes:
    """Return the document in packed bytes.  Raises FormatError for any other bytes, and above the limit."""
    unpacker = zlib.decompressobj(_RAW * _WINDOW_BITS, DICTIONARY)
    try:
        document = unpacker.decompress(data, limit)
    except zlib.error as error:
        raise FormatError("packed: these bytes are not deflate; run 'audit verify'") from error
    if not unpacker.eof:
        if unpacker.unconsumed_tail:
            raise FormatError(f"packed: the document is longer than {limit} bytes; run 'audit verify'")
        raise FormatError("packed: the bytes end too early; run 'audit verify'")
    if unpacker.unused_data:
        raise FormatError("packed: bytes follow the document; run 'audit verify'")
    return document
