#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "traces/by_generation.hpp"
#include "traces/zct.hpp"

namespace zcv {

// Whether the records of one send or call speak of the same one: the names that its submission gave
// to its ring, socket, request, ubuf and memory, and what a CQE can say of it at all. A model
// without addresses cannot tell that; it is asked before the record is explained.
class Agreement {
  public:
    // Takes in the next record in order of time. Why it cannot be of the send that it names, in
    // words; nothing when it can. A field that is 0 was not recorded and agrees with everything.
    std::optional<std::string> refuses(const zcv_event& event);
    // No record of this send is to come.
    void forget(std::uint32_t generation) { sends_.erase(generation); }

  private:
    // What its submission or call says of a send: the fields of that record.
    struct Submission {
        std::uint64_t req, ring, sock, ubuf, addr, user_data;
        std::uint32_t len, tgid;
        std::int32_t res;
        std::uint16_t kind, zc_flags;
        std::uint8_t opcode, protocol;
    };
    struct Named {
        Submission submit{};
        bool refused = false;  // at its preparation, with submit.res
        bool has_turns = false;
        std::uint32_t left = 0;   // bytes, at its newest turn of sendmsg
        std::uint32_t place = 0;  // in the stream, then; 0 unknown
    };

    static bool knows_length(const Submission& submit);

    std::optional<std::string> names_differ(const zcv_event& event, const Named& send) const;
    std::optional<std::string> call_differs(const zcv_event& event, Named& send) const;
    std::optional<std::string> result_differs(const zcv_event& event, const Named& send) const;
    std::optional<std::string> notif_differs(const zcv_event& event, const Named& send);

    ByGeneration<Named> sends_;
    // The ubuf is part of the notification's own io_kiocb, in the same place in all of them.
    std::optional<std::uint64_t> ubuf_offset_;
};

}  // namespace zcv
