#include "model/symmetry.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <utility>

#include "model/checker/visited.hpp"
#include "model/packing.hpp"

namespace zcv {
namespace {

constexpr std::size_t objects_max = 8;
constexpr std::size_t nouns = 8;

template <class Id>
constexpr std::size_t noun_number(Id) {
    if constexpr (std::is_same_v<Id, BufferId>) return 0;
    if constexpr (std::is_same_v<Id, RequestId>) return 1;
    if constexpr (std::is_same_v<Id, UbufId>) return 2;
    if constexpr (std::is_same_v<Id, ShinfoId>) return 3;
    if constexpr (std::is_same_v<Id, SkbId>) return 4;
    if constexpr (std::is_same_v<Id, SockId>) return 5;
    if constexpr (std::is_same_v<Id, RingId>) return 6;
    return 7;
}
constexpr std::size_t nouns_with_names = 5;  // sockets, rings and slots come after them

template <class T>
using PerObject = std::array<std::array<T, objects_max>, nouns>;

// What is known to tell objects apart: different colours, different objects.
struct Colours {
    PerObject<std::uint64_t> of{};
    PerObject<bool> bare{};  // refers to nothing, and nothing refers to it
};

// One look at every object: its colour becomes that of its fields, of what it refers to and of what
// refers to it, as far as colours were known before.
class Look : public FieldBounds {
  public:
    Look(const World& world, const Colours& before) : FieldBounds(world), before_(before) {
        for (auto& noun : now_.bare) noun.fill(true);
    }

    template <class Id>
    void object(Id id) {
        finish();
        noun_ = noun_number(id);
        at_ = index(id);
        colour_ = before_.of[noun_][at_];
        field_ = 0;
    }
    void flag(std::string_view, bool value) { add(value ? 1 : 0); }
    void count(std::string_view, std::uint8_t value, std::uint32_t) { add(value); }
    template <class E, std::size_t N>
    void choice(std::string_view, E value, const std::array<const char*, N>&) {
        add(static_cast<std::uint64_t>(value));
    }
    template <class Id>
    void ref(std::string_view, const FixedKind::Ref<Id>& value) {
        add(0);
        if (value.raw() != 0) refer(Id{value}, 0);
    }
    template <class Id>
    void set(std::string_view, const FixedKind::Set<Id>& value) {
        add(0);
        // A set has no order, so neither has what it adds.
        std::uint64_t sum = 0;
        value.for_each([&](Id id) {
            sum += checker::mixed(before_.of[noun_number(id)][index(id)] + 1);
            referred(id, 0);
        });
        colour_ = checker::mixed(colour_ + sum);
    }
    template <class T>
    void fifo(std::string_view, const FixedKind::Fifo<T>& value, std::uint32_t) {
        add(value.size());
        for (std::size_t i = 0; i < value.size(); ++i) entry(value[i], i + 1);
    }

    Colours take() {
        finish();
        for (std::size_t noun = 0; noun < nouns; ++noun)
            for (std::size_t i = 0; i < objects_max; ++i)
                now_.of[noun][i] += checker::mixed(incoming_[noun][i]);
        return now_;
    }

  private:
    void finish() {
        if (noun_ < nouns) now_.of[noun_][at_] = colour_;
    }
    void add(std::uint64_t value) { colour_ = checker::mixed(colour_ + (value << 8) + ++field_); }
    template <class Id>
    void refer(Id id, std::uint64_t place) {
        colour_ = checker::mixed(colour_ + before_.of[noun_number(id)][index(id)] + place);
        referred(id, place);
    }
    template <class Id>
    void referred(Id id, std::uint64_t place) {
        const std::uint64_t from = before_.of[noun_][at_];
        incoming_[noun_number(id)][index(id)] +=
            checker::mixed(from + (place << 16) + (field_ << 8) + noun_);
        now_.bare[noun_number(id)][index(id)] = false;
        now_.bare[noun_][at_] = false;
    }
    void entry(const Cqe<FixedKind>& cqe, std::uint64_t place) {
        colour_ = checker::mixed(colour_ + static_cast<std::uint64_t>(cqe.kind) + 1 +
                                 (std::uint64_t{cqe.seq} << 16));
        if (cqe.slot.raw() != 0) refer(SlotId{cqe.slot}, place * 4 + 3);
        if (cqe.request.raw() != 0)
            refer(RequestId{cqe.request}, place * 4 + static_cast<std::uint64_t>(cqe.kind));
    }
    template <class Id>
    void entry(const FixedKind::Ref<Id>& ref, std::uint64_t place) {
        if (ref.raw() != 0) refer(Id{ref}, place);
    }

    const Colours& before_;
    Colours now_;
    PerObject<std::uint64_t> incoming_{};
    std::size_t noun_ = nouns;
    std::size_t at_ = 0;
    std::uint64_t colour_ = 0;
    std::uint64_t field_ = 0;
};

// Gives every reference in a state its object's new name.
class Rename : public FieldBounds {
  public:
    Rename(const World& world, const PerObject<std::uint8_t>& names)
        : FieldBounds(world), names_(names) {}

    template <class Id>
    void object(Id) {}
    void flag(std::string_view, bool) {}
    void count(std::string_view, std::uint8_t, std::uint32_t) {}
    template <class E, std::size_t N>
    void choice(std::string_view, E, const std::array<const char*, N>&) {}
    template <class Id>
    void ref(std::string_view, FixedKind::Ref<Id>& value) {
        entry(value);
    }
    template <class Id>
    void set(std::string_view, FixedKind::Set<Id>& value) {
        FixedKind::Set<Id> renamed;
        value.for_each([&](Id id) { renamed.insert(Id{name_of(id)}); });
        value = renamed;
    }
    template <class T>
    void fifo(std::string_view, FixedKind::Fifo<T>& value, std::uint32_t) {
        for (std::size_t i = 0; i < value.size(); ++i) entry(value[i]);
    }

  private:
    template <class Id>
    std::uint32_t name_of(Id id) const {
        return names_[noun_number(id)][index(id)];
    }
    template <class Id>
    void entry(FixedKind::Ref<Id>& ref) {
        if (ref.raw() != 0) ref = Id{name_of(Id{ref})};
    }
    void entry(Cqe<FixedKind>& cqe) { entry(cqe.request); }

    const PerObject<std::uint8_t>& names_;
};

using Counts = std::array<std::uint32_t, nouns>;

Counts counts_of(const FixedStore& state) {
    return {state.count(BufferId{}), state.count(RequestId{}), state.count(UbufId{}),
            state.count(ShinfoId{}), state.count(SkbId{}),     state.count(SockId{}),
            state.count(RingId{}),   state.count(SlotId{})};
}

// A handful of objects: less is moved than by anything cleverer.
template <class T, class Before>
void sort_few(std::array<T, objects_max>& few, std::size_t count, Before&& before) {
    for (std::size_t i = 1; i < std::min(count, objects_max); ++i)
        for (std::size_t k = i; k > 0 && before(few[k], few[k - 1]); --k)
            std::swap(few[k], few[k - 1]);
}

std::size_t different(const Colours& colours, const Counts& counts) {
    std::size_t all = 0;
    for (std::size_t noun = 0; noun < nouns_with_names; ++noun)
        for (std::size_t i = 0; i < counts[noun]; ++i) {
            const auto& of = colours.of[noun];
            std::size_t first = 0;
            while (of[first] != of[i]) ++first;
            all += first == i;
        }
    return all;
}

// Looks again until that tells nothing more.
Colours looked_at(const World& world, FixedStore& state, Colours colours, const Counts& counts) {
    for (std::size_t before = 0;;) {
        Look look(world, colours);
        state.visit(look);
        colours = look.take();
        const std::size_t now = different(colours, counts);
        if (now == before) return colours;
        before = now;
    }
}

// Singles out one of two objects that look alike; false when all alike are bare, so that it does
// not matter which is which.
bool single_out(Colours& colours, const Counts& counts) {
    for (std::size_t noun = 0; noun < nouns_with_names; ++noun)
        for (std::size_t i = 0; i < counts[noun]; ++i)
            for (std::size_t k = i + 1; k < counts[noun]; ++k) {
                if (colours.of[noun][i] != colours.of[noun][k] || colours.bare[noun][i]) continue;
                colours.of[noun][i] = checker::mixed(colours.of[noun][i] + 1);
                return true;
            }
    return false;
}

template <class Id>
void move_all(const FixedStore& from, FixedStore& to, const PerObject<std::uint8_t>& names) {
    from.for_each<Id>([&](Id id) { to[Id{names[noun_number(id)][index(id)]}] = from[id]; });
}

}  // namespace

void make_canonical(const World& world, FixedStore& state) {
    const Counts counts = counts_of(state);
    const bool requests_have_names =
        world.bounds.rings > 1 || world.bounds.slots > 1 || world.apis.size() > 1;
    Colours colours;
    for (std::size_t noun = 0; noun < nouns; ++noun)
        for (std::size_t i = 0; i < objects_max; ++i) {
            const bool named = noun >= nouns_with_names || (noun == 1 && requests_have_names);
            colours.of[noun][i] = checker::mixed(noun + 1 + (named ? (i + 1) << 8 : 0));
        }
    colours = looked_at(world, state, colours, counts);
    while (single_out(colours, counts)) colours = looked_at(world, state, colours, counts);

    PerObject<std::uint8_t> names{};
    for (std::size_t noun = 0; noun < nouns; ++noun) {
        std::array<std::uint8_t, objects_max> order{};
        std::iota(order.begin(), order.end(), std::uint8_t{0});
        const bool named = noun >= nouns_with_names || (noun == 1 && requests_have_names);
        if (!named)
            sort_few(order, counts[noun], [&](std::uint8_t a, std::uint8_t b) {
                return colours.of[noun][a] < colours.of[noun][b];
            });
        for (std::uint8_t i = 0; i < objects_max; ++i) names[noun][order[i]] = i;
    }
    FixedStore renamed = state;
    move_all<BufferId>(state, renamed, names);
    move_all<RequestId>(state, renamed, names);
    move_all<UbufId>(state, renamed, names);
    move_all<ShinfoId>(state, renamed, names);
    move_all<SkbId>(state, renamed, names);
    Rename rename(world, names);
    renamed.visit(rename);
    state = renamed;
}

}  // namespace zcv
