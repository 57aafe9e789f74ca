#pragma once

#include <cstdint>
#include <type_traits>

// Typed names of the nouns. A UbufId is an index into whichever store holds the notifications; no
// arithmetic is done on it, so that a request can never be passed where an skb was meant.
namespace zcv {

enum class BufferId : std::uint32_t {};
enum class RequestId : std::uint32_t {};
enum class UbufId : std::uint32_t {};
enum class ShinfoId : std::uint32_t {};
enum class SkbId : std::uint32_t {};
enum class SockId : std::uint32_t {};
enum class RingId : std::uint32_t {};
enum class TaskId : std::uint32_t {};
enum class SlotId : std::uint32_t {};

template <class Id>
inline constexpr Id none = static_cast<Id>(0xffffffffu);

template <class Id>
requires std::is_enum_v<Id>
constexpr std::uint32_t index(Id id) {
    return static_cast<std::uint32_t>(id);
}

// A reference as a store keeps it.
template <class Ref>
requires std::is_class_v<Ref>
constexpr std::uint32_t index(const Ref& ref) {
    return index(static_cast<typename Ref::id_type>(ref));
}

constexpr const char* noun_of(BufferId) {
    return "buffer";
}
constexpr const char* noun_of(RequestId) {
    return "request";
}
constexpr const char* noun_of(UbufId) {
    return "ubuf";
}
constexpr const char* noun_of(ShinfoId) {
    return "shinfo";
}
constexpr const char* noun_of(SkbId) {
    return "skb";
}
constexpr const char* noun_of(SockId) {
    return "sock";
}
constexpr const char* noun_of(RingId) {
    return "ring";
}
constexpr const char* noun_of(TaskId) {
    return "task";
}
constexpr const char* noun_of(SlotId) {
    return "slot";
}

}  // namespace zcv
