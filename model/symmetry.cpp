#include "model/symmetry.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "model/checker/visited.hpp"

namespace zcv {

using checker::mixed;
using object_numbers::noun;

namespace {

template <class... Id>
struct Nouns {};
using Named = Nouns<BufferId, RequestId, SockId, RingId, SlotId>;
using Allocated = Nouns<UbufId, ShinfoId, SkbId>;

template <class Use, class... Id>
void each_noun(Nouns<Id...>, Use&& use) {
    (use(Id{}), ...);
}

bool slots_are_flushed_in_turn(const World& world) {
    return world.bounds.slots > 1 && world.hazards.unregisters;
}

bool socks_differ(const World& world) {
    const auto same = [&](const SockConfig& sock) { return sock == world.socks.front(); };
    return !std::ranges::all_of(world.socks, same);
}

constexpr std::array all_told_apart{
    ToldApart{"sock", socks_differ, "their packets take different ways"},
    ToldApart{"slot", slots_are_flushed_in_turn, "unregistered, they are flushed in their order"},
};

}  // namespace

std::vector<ToldApart> told_apart(const World& world) {
    std::vector<ToldApart> all;
    for (const ToldApart& each : all_told_apart)
        if (each.when(world)) all.push_back(each);
    return all;
}

// What a state is without its names: of each object what is no name, and who refers to whom by
// which field. Refined, an object's colour tells it from all that are not its equals.
class Symmetry::Looks : public FieldBounds {
  public:
    Looks(const World& world, const Colours& roles) : FieldBounds(world), colours_(roles) {}

    template <class Id>
    void object(Id id) {
        now_ = object_numbers::of(id);
        field_ = 0;
    }
    void flag(std::string_view, bool value) { content(value ? 1 : 0); }
    void count(std::string_view, std::uint8_t value, std::uint32_t) { content(value); }
    template <class E, std::size_t N>
    void choice(std::string_view, E value, const std::array<const char*, N>&) {
        content(static_cast<std::uint8_t>(value));
    }
    template <class Id>
    void ref(std::string_view, const FixedKind::Ref<Id>& value) {
        link(value, field_++ * places);
    }
    template <class Id>
    void set(std::string_view, const FixedKind::Set<Id>& value) {
        const unsigned label = field_++ * places;
        value.for_each([&](Id id) { link(FixedKind::Ref<Id>(id), label); });
    }
    template <class T>
    void fifo(std::string_view, const FixedKind::Fifo<T>& value, std::uint32_t) {
        content(static_cast<std::uint8_t>(value.size()));
        for (unsigned i = 0; i < value.size(); ++i) entry(value[i], field_ * places + i);
        ++field_;
    }
    // Whom a request belongs to is no field of it.
    template <class From, class To>
    void dealt(From from, To to) {
        now_ = object_numbers::of(from);
        link(FixedKind::Ref<To>(to), dealt_label + noun(to));
    }

    const Colours& colours() const { return colours_; }

    // An object looks like those it refers to, and that refer to it.
    void refine(Colours& colours) const {
        Colours sums{};
        for (std::size_t i = 0; i < links_; ++i) {
            const Link& link = all_[i];
            sums[link.from] += mixed(colours[link.to] + link.label * 0x9e3779b97f4a7c15U);
            sums[link.to] += mixed(colours[link.from] - link.label * 0xc2b2ae3d27d4eb4fU);
        }
        for (std::size_t i = 0; i < colours.size(); ++i)
            if (sums[i] != 0) colours[i] = mixed(colours[i] + sums[i] * 0xd6e8feb86659fd93U);
    }
    // Whether exchanging these two alone changes nothing: nobody refers to them, and they refer to
    // the same.
    bool are_twins(std::uint32_t a, std::uint32_t b) const {
        return !referred_[a] && !referred_[b] && refers_[a] == refers_[b];
    }
    // A name of what is gone would be one of the next that is made there, and places count.
    void is_now_gone(std::uint32_t object) {
        ZCV_CHECK(!referred_[object] && refers_[object] == 0);
        gone_[object] = true;
    }
    bool is_gone(std::uint32_t object) const { return gone_[object]; }

    // The first colour, noun by noun, that is shared by objects which are no twins.
    std::optional<Tie> tie(const Colours& colours, const Symmetry& symmetry) const {
        for (unsigned of = 0; of < symmetry.counts_.size(); ++of) {
            if (symmetry.apart_[of]) continue;
            const std::uint32_t base = object_numbers::before(of);
            std::optional<Tie> first;
            for (std::uint32_t a = base; a < base + symmetry.counts_[of]; ++a)
                for (std::uint32_t b = base; b < a; ++b)
                    if (colours[a] == colours[b] && !are_twins(a, b) &&
                        (!first || colours[a] < first->colour))
                        first = Tie{of, colours[a]};
            if (first) return first;
        }
        return std::nullopt;
    }

  private:
    static constexpr unsigned places = 16;  // of one field
    static constexpr unsigned dealt_label = 1000 * places;
    struct Link {
        std::uint8_t from, to;
        std::uint16_t label;
    };

    void content(std::uint8_t value) {
        std::uint64_t& colour = colours_[now_];
        colour = (colour ^ value) * 0x9e3779b97f4a7c15U + (colour >> 29);
    }
    template <class Id>
    void link(const FixedKind::Ref<Id>& ref, unsigned label) {
        if (ref.raw() == 0) return;
        ZCV_CHECK(links_ < all_.size());
        const std::uint32_t to = object_numbers::of(Id{ref.raw() - 1u});
        all_[links_++] = {static_cast<std::uint8_t>(now_), static_cast<std::uint8_t>(to),
                          static_cast<std::uint16_t>(label)};
        referred_[to] = true;
        refers_[now_] += mixed(std::uint64_t{label} << 8 | (to + 1));
    }
    template <class Id>
    void entry(const FixedKind::Ref<Id>& value, unsigned label) {
        link(value, label);
    }
    void entry(const Cqe<FixedKind>& value, unsigned label) {
        link(value.request, label);
        content(static_cast<std::uint8_t>(value.kind));
        if (!models(Part::slots)) return;
        link(value.slot, label);
        content(value.seq);
    }
    void entry(const ErrRange<FixedKind>& value, unsigned) {
        content(value.lo);
        content(value.hi);
        content(value.copied ? 1 : 0);
    }

    Colours colours_;
    std::array<Link, 512> all_;
    std::size_t links_ = 0;
    std::array<bool, object_numbers::all> referred_{};
    std::array<bool, object_numbers::all> gone_{};
    Colours refers_{};
    std::uint32_t now_ = 0;
    unsigned field_ = 0;
};

Symmetry::Symmetry(const World& world, bool claims_all) : world_(&world), claims_all_(claims_all) {
    const FixedStore empty(world);
    const auto note = [&](auto id) { counts_[noun(id)] = empty.count(id); };
    each_noun(Named{}, note);
    each_noun(Allocated{}, note);
    counts_[noun(TaskId{})] = 1;
    words_ = FieldPlan(world).words();
    for (const ToldApart& each : told_apart(world))
        each_noun(Named{}, [&](auto id) {
            if (each.noun == noun_of(id) && !claims_all) apart_[noun(id)] = true;
        });
    roles_ = roles();
    const bool alone = world.bounds.rings <= 1 && world.bounds.slots <= 1;
    bool one_api = true;
    for (std::uint32_t r = 0; r < world.bounds.requests; ++r)
        one_api = one_api && empty.api_of(RequestId{r}) == empty.api_of(RequestId{0});
    if ((alone && one_api) || claims_all) return;
    for (const Naming& each : exchanges()) {
        const Naming same;
        const bool only_dealt = each.order[noun(BufferId{})] == same.order[noun(BufferId{})] &&
                                each.order[noun(SockId{})] == same.order[noun(SockId{})];
        if (only_dealt) dealt_.push_back(each);
    }
}

// What an object is by its noun, and by its place where that is no mere name.
Symmetry::Colours Symmetry::roles() const {
    Colours colours{};
    const FixedStore empty(*world_);
    for (std::size_t of = 0; of < counts_.size(); ++of)
        for (std::uint32_t i = 0; i < counts_[of]; ++i) {
            std::uint64_t role = (of + 1) * 1000;
            if (apart_[of]) role += i;
            if (of == noun(RequestId{}) && !claims_all_)
                role += 100 * static_cast<std::uint64_t>(empty.api_of(RequestId{i}));
            colours[object_numbers::before(of) + i] = mixed(role);
        }
    return colours;
}

// Whether everybody is after the exchange what the world says of his place.
bool Symmetry::keeps_roles(const Naming& naming) const {
    if (claims_all_) return true;
    const FixedStore world(*world_);
    const Naming::Places& requests = naming.order[noun(RequestId{})];
    for (std::size_t of = 0; of < counts_.size(); ++of)
        for (std::uint32_t i = 0; i < counts_[of]; ++i)
            if (roles_[object_numbers::before(of) + i] !=
                roles_[object_numbers::before(of) + naming.order[of][i]])
                return false;
    for (std::uint32_t r = 0; r < counts_[noun(RequestId{})]; ++r) {
        const RequestId who{requests[r]};
        if (world_->bounds.rings > 1 &&
            index(world.ring_of(who)) !=
                naming.order[noun(RingId{})][index(world.ring_of(RequestId{r}))])
            return false;
        if (world_->bounds.slots > 1 &&
            index(world.slot_of(who)) !=
                naming.order[noun(SlotId{})][index(world.slot_of(RequestId{r}))])
            return false;
    }
    return true;
}

std::vector<Naming> Symmetry::exchanges() const {
    std::vector<Naming> all{Naming{}};
    each_noun(Named{}, [&](auto id) {
        std::vector<Naming> more;
        for (Naming each : all) {
            auto& places = each.order[noun(id)];
            const auto end = places.begin() + std::max(1u, counts_[noun(id)]);
            do {
                more.push_back(each);
            } while (std::next_permutation(places.begin(), end));
        }
        all = std::move(more);
    });
    std::erase_if(all, [&](const Naming& each) { return !keeps_roles(each); });
    return all;
}

// The names that follow from the colours. Objects of one colour are equals here, so it does not
// matter which of them comes first.
Naming Symmetry::named_by(const Looks& looks, const Colours& colours) const {
    Naming naming;
    const auto sort = [&](auto id) {
        const unsigned of = noun(id);
        if (counts_[of] < 2 || apart_[of]) return;
        const std::uint32_t base = object_numbers::before(of);
        Naming::Places& places = naming.order[of];
        // What does not exist comes last: the next of its noun that is made takes its place.
        const auto key = [&](std::uint8_t i) {
            return std::pair(looks.is_gone(base + i), colours[base + i]);
        };
        for (std::uint32_t i = 1; i < counts_[of]; ++i)
            for (std::uint32_t k = i; k > 0 && key(places[k]) < key(places[k - 1]); --k)
                std::swap(places[k], places[k - 1]);
    };
    each_noun(Allocated{}, sort);
    if (dealt_.empty()) {
        each_noun(Named{}, sort);
        return naming;
    }
    each_noun(Nouns<BufferId, SockId>{}, sort);
    const auto colours_in = [&](const Naming& each) {
        std::array<std::uint64_t, Capacity::requests + Capacity::rings + Capacity::slots> seen{};
        std::size_t at = 0;
        each_noun(Nouns<RequestId, RingId, SlotId>{}, [&](auto id) {
            for (std::uint32_t i = 0; i < counts_[noun(id)]; ++i)
                seen[at++] = colours[object_numbers::before(noun(id)) + each.order[noun(id)][i]];
        });
        return seen;
    };
    const Naming* best = &dealt_.front();
    for (const Naming& each : dealt_)
        if (colours_in(each) < colours_in(*best)) best = &each;
    each_noun(Nouns<RequestId, RingId, SlotId>{},
              [&](auto id) { naming.order[noun(id)] = best->order[noun(id)]; });
    return naming;
}

void Symmetry::pack_renamed(const FixedStore& state, const Naming& naming,
                            std::uint64_t* words) const {
    RenamingWriter writer(*world_, naming, words);
    FixedStore copy = state;
    copy.visit_in(writer, [&](auto id) { return decltype(id){naming.order[noun(id)][index(id)]}; });
}

// Colours are refined until only equals share one. Where others do, each of them is in turn told
// from the rest, and the least of what comes out is taken: so nothing depends on the names.
void Symmetry::search(const FixedStore& state, const Looks& looks, Colours colours,
                      std::uint64_t* least, bool& found) const {
    constexpr unsigned rounds_max = 4;
    std::optional<Tie> tie = looks.tie(colours, *this);
    for (unsigned round = 0; tie && round < rounds_max; ++round) {
        looks.refine(colours);
        tie = looks.tie(colours, *this);
    }
    if (tie) {
        for (std::uint32_t i = 0; i < counts_[tie->noun]; ++i) {
            const std::uint32_t object = object_numbers::before(tie->noun) + i;
            if (colours[object] != tie->colour) continue;
            Colours told = colours;
            told[object] = mixed(told[object] + 1);
            looks.refine(told);
            search(state, looks, told, least, found);
        }
        return;
    }
    const Naming naming = named_by(looks, colours);
    if (!found) {
        found = true;
        return pack_renamed(state, naming, least);
    }
    std::array<std::uint64_t, 64> other{};
    ZCV_CHECK(words_ <= other.size());
    pack_renamed(state, naming, other.data());
    if (std::lexicographical_compare(other.data(), other.data() + words_, least, least + words_))
        std::copy_n(other.data(), words_, least);
}

void Symmetry::pack_representative(const FixedStore& state, std::uint64_t* words) const {
    Looks looks(*world_, roles_);
    FixedStore copy = state;
    copy.visit(looks);
    each_noun(Allocated{}, [&](auto id) {
        state.for_each<decltype(id)>([&](auto each) {
            if (!state[each].alive) looks.is_now_gone(object_numbers::of(each));
        });
    });
    if (world_->bounds.rings > 1 && !claims_all_)
        state.for_each<RequestId>([&](RequestId r) { looks.dealt(r, state.ring_of(r)); });
    if (world_->bounds.slots > 1 && !claims_all_)
        state.for_each<RequestId>([&](RequestId r) { looks.dealt(r, state.slot_of(r)); });
    bool found = false;
    search(state, looks, looks.colours(), words, found);
}

}  // namespace zcv
