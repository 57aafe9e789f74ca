#pragma once

// ZCV_CHECK states what our own code promises. It is on in every build: a verifier that goes on
// after its own invariant broke would hand out verdicts nobody should trust.
namespace zcv {
[[noreturn]] void check_failed(const char* what, const char* file, int line);
}

#define ZCV_CHECK(condition) \
    ((condition) ? static_cast<void>(0) : ::zcv::check_failed(#condition, __FILE__, __LINE__))
