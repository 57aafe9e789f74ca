#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

// What the checker asks of a thing to explore. It knows states as packed words, steps as numbers
// and properties as predicates; what they mean stays with the system.
namespace zcv::checker {

enum class Must { always, sometimes };

constexpr std::string_view name_of(Must must) {
    return must == Must::always ? "always" : "sometimes";
}

template <class State>
struct Property {
    Must must;
    std::string_view
        name;  // "S1-no-early-release"; a sometimes twin has the same name plus "-reached"
    bool (*holds)(const State&);
    std::string_view breaks;  // one sentence: what goes wrong for a user when it does not hold
};

// One transition: which step of the system's list, and the ids it was taken with. Together with the
// state before it, it determines the state after it.
struct Taken {
    std::uint8_t step = 0;
    std::array<std::uint8_t, 3> ids{};
    friend bool operator==(const Taken&, const Taken&) = default;
};

struct StepInfo {
    std::string_view name;      // "io_notif_flush"
    std::string_view file;      // "io_uring/notif.h"; "" for what is not the kernel
    std::string_view function;  // "io_notif_flush"
    std::string_view context;  // "syscall", "softirq", "device", "peer", "task work", "application"
    std::string_view tag = {};  // "v6.12": the version in which file and function are found
};

// One field of a state in words: {"notif 0", "refs", "2"}. Objects that do not exist are left out.
struct Field {
    std::string noun;
    std::string name;
    std::string value;
    bool at_rest = false;  // the value with which such an object begins: not worth telling
    friend bool operator==(const Field&, const Field&) = default;
};

template <class S>
concept System = requires(const S& system, const typename S::State& state, typename S::State& into,
                          std::uint64_t* words, const std::uint64_t* packed, Taken taken) {
    requires std::is_trivially_copyable_v<typename S::State>;
    { system.initial() } -> std::same_as<typename S::State>;
    // A packed state is this many 64-bit words; equal states have equal words.
    { system.words() } -> std::convertible_to<std::size_t>;
    system.pack(state, words);
    system.unpack(packed, into);
    // Calls the visitor with (Taken, const State& after) for every enabled step, always in one
    // order.
    system.for_each_next(state, [](Taken, const typename S::State&) {});
    { system.steps() } -> std::convertible_to<std::span<const StepInfo>>;
    { system.params(taken) } -> std::convertible_to<std::string>;  // "skb 0", "buffer 1, request 0"
    { system.fields(state) } -> std::convertible_to<std::vector<Field>>;
    { system.properties() } -> std::convertible_to<std::span<const Property<typename S::State>>>;
};

// A system whose steps take long to compile offers one instance of them for every visitor.
template <System S, class Visit>
void visit_next(const S& system, const typename S::State& state, const Visit& visit) {
    if constexpr (requires { typename S::AnyVisit; })
        system.template for_each_next<const typename S::AnyVisit&>(state, visit);
    else
        system.for_each_next(state, visit);
}

// What a system may offer besides, to be searched faster. Each says the same as the members above.
//
// One-word states that differ in their lowest bits only. A step that does not look at those bits
// does the same to all of them at once, and one that does moves some of them along.
struct Group {
    static constexpr unsigned bits = 6;
    static constexpr std::uint64_t low = (std::uint64_t{1} << bits) - 1;

    std::uint64_t word = 0;     // its lowest bits are 0
    std::uint64_t members = 0;  // bit i: the state word + i

    static Group of(std::uint64_t state) {
        return {state & ~low, std::uint64_t{1} << (state & low)};
    }
    template <class Use>
    void each(Use&& use) const {
        for (std::uint64_t left = members; left != 0; left &= left - 1)
            use(word | static_cast<unsigned>(std::countr_zero(left)));
    }
    std::uint64_t size() const { return static_cast<unsigned>(std::popcount(members)); }
};

// Successors of all states of a group without unpacking them: visit(step, group after), whose
// members are each the successor of one of them; there may be none.
template <class S>
concept GroupedSteps = requires(const S& system, Group group) {
    system.for_each_of_group(group, [](std::uint8_t, Group) {});
};

// A successor packed, given its predecessor, packed and not.
template <class S>
concept PacksSuccessors = requires(const S& system, const typename S::State& state,
                                   const std::uint64_t* packed, std::uint64_t* words) {
    system.pack_after(state, packed, state, words);
};

// True only when every always-property holds in each state of the group.
template <class S>
concept GroupedProperties = requires(const S& system, Group group) {
    { system.surely_hold(group) } -> std::same_as<bool>;
};

// Turns a packed state into the one that stands for all that differ from it in names only; `deep`
// also takes orders away that nothing reads.
template <class S>
concept Symmetric = requires(const S& system, std::uint64_t* words) {
    system.canonical(words, true);
};

// The same of a state that is not packed yet.
template <class S>
concept PacksRepresentatives = Symmetric<S> &&
    requires(const S& system, const typename S::State& state, std::uint64_t* words) {
    system.pack_representative(state, words, true);
};

// Whether the system can ever take this step: worlds differ in the steps that they have.
template <System S>
bool has_step(const S& system, std::size_t step) {
    if constexpr (requires { system.has_step(std::uint8_t{}); })
        return system.has_step(static_cast<std::uint8_t>(step));
    return true;
}

}  // namespace zcv::checker
