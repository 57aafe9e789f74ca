#pragma once

#include <cstdint>

// The part of Perfetto's protobuf schema that a conversion writes: fields by their numbers, which
// never change. protos/perfetto/trace/{trace,trace_packet}.proto and track_event/*.proto there.
namespace zcv::perfetto {

enum class File : std::uint32_t { packet = 1 };

enum class Packet : std::uint32_t {
    timestamp = 8,  // ns
    sequence_id = 10,
    track_event = 11,
    track_descriptor = 60,
};

enum class Descriptor : std::uint32_t {
    uuid = 1,
    name = 2,
    process = 3,
    parent_uuid = 5,
    counter = 8,
};

enum class Process : std::uint32_t { pid = 1, name = 6 };

enum class Counter : std::uint32_t { unit = 3 };
inline constexpr std::int32_t unit_bytes = 3;

enum class Event : std::uint32_t {
    annotation = 4,
    type = 9,
    track_uuid = 11,
    category = 22,
    name = 23,
    counter_value = 30,
    flow = 47,              // fixed64
    terminating_flow = 48,  // fixed64
};

enum class EventType : std::int32_t { slice_begin = 1, slice_end = 2, instant = 3, counter = 4 };

enum class Annotation : std::uint32_t {
    bool_value = 2,
    uint_value = 3,
    int_value = 4,
    string_value = 6,
    pointer_value = 7,
    name = 10,
};

}  // namespace zcv::perfetto
