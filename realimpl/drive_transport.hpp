#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "realimpl/drive_names.hpp"

namespace zcv::drive {

// One request, whichever way it reaches the kernel.
struct Send {
    std::uint64_t name = 0;    // user_data; must stay below other_names
    std::uint64_t buffer = 0;  // its index among the registered ones
    std::span<std::byte> bytes;
    int flags = 0;         // MSG_*
    bool copying = false;  // not by zero copy, although the others are
    bool linked = false;   // the next one is to wait for it
    bool decoy = false;    // to nobody, over a faster path
    Fault fault = Fault::none;
};

// The bytes in so many parts, as equal as they can be.
std::vector<iovec> parts_of(std::span<std::byte> bytes, std::uint64_t count);

// One thing the kernel has said.
struct Said {
    enum class What : std::uint8_t { completion, notification, cancelled, timed_out };
    What what = What::completion;
    std::uint64_t name = 0;
    int result = 0;       // bytes, or -errno
    bool more = false;    // a notification follows
    bool copied = false;  // a notification that says so
};

// The way to the kernel and back: a ring, or calls and an error queue.
class Transport {
  public:
    Transport() = default;
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    virtual ~Transport() = default;

    virtual void queue(const Send& send) = 0;
    // Hands over what is queued, and waits for the kernel to say something. False: it said nothing.
    virtual bool submit_and_wait(std::chrono::microseconds patience) = 0;
    virtual void take(std::vector<Said>& said) = 0;

    // What only a ring has.
    virtual void cancel(const std::vector<std::uint64_t>&) {}
    virtual void queue_link_timeout(std::uint64_t) {}
    virtual void close() {}
    virtual void open() {}
    virtual void unregister_buffers() {}
    virtual void register_buffers() {}
    virtual bool has_overflowed() const { return false; }

    // So far, of those that send and learn what became of it.
    std::uint64_t system_calls() const { return system_calls_; }

  protected:
    std::uint64_t system_calls_ = 0;
};

}  // namespace zcv::drive
