#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/checker/limits.hpp"
#include "model/checker/reduction.hpp"
#include "model/checker/system.hpp"
#include "model/ensure.hpp"

namespace zcv::checker {

// The successors of a packed state, packed: by the shortest way that the system offers, and turned
// into their representatives when names are not to matter. One for each thread.
template <System S>
class Successors {
  public:
    using State = typename S::State;

    Successors(const S& system, const Limits& limits)
        : system_(system),
          symmetry_(limits.symmetry),
          reduction_(limits.reduction),
          state_(system.initial()) {}

    // For each: writes it to where slot() points and calls done(step).
    template <class Slot, class Done>
    void visit(const std::uint64_t* words, Slot&& slot, Done&& done) {
        if constexpr (Reducible<S>) {
            if (reduction_ && visit_alone(words, slot, done)) return;
        }
        if constexpr (GroupedSteps<S>) {
            system_.for_each_of_group(Group::of(*words), [&](std::uint8_t step, Group after) {
                after.each([&](std::uint64_t word) {
                    std::uint64_t* const to = slot();
                    *to = word;
                    represent(to);
                    done(step);
                });
            });
            return;
        }
        system_.unpack(words, state_);
        words_ = words;
        taken_.clear();
        found_.clear();
        system_.for_each_next(state_, Collect{this});
        const std::size_t count = system_.words();
        for (std::size_t i = 0; i < taken_.size(); ++i) {
            std::uint64_t* const to = slot();
            for (std::size_t k = 0; k < count; ++k) to[k] = found_[i * count + k];
            if constexpr (!PacksRepresentatives<S>) represent(to);
            done(taken_[i]);
        }
    }

    // Every state is looked at by itself, and alone steps and names do not matter: the steps of a
    // whole group can be taken at once.
    bool in_groups() const { return symmetry_ == Symmetry::off && !reduction_; }

    // The state that stands for this one.
    void represent([[maybe_unused]] std::uint64_t* words) const {
        if constexpr (Symmetric<S>) {
            if (symmetry_ != Symmetry::off) system_.canonical(words, symmetry_ == Symmetry::deep);
        }
    }

  private:
    template <class Slot, class Done>
    bool visit_alone(const std::uint64_t* words, Slot&& slot, Done&& done) {
        system_.unpack(words, state_);
        words_ = words;
#ifndef NDEBUG
        ZCV_CHECK(broken_promise(system_, state_).empty());
#endif
        return system_.for_each_alone(state_, [&](Taken taken, const State& after) {
            std::uint64_t* const to = slot();
            pack(after, to);
            represent(to);
            done(taken.step);
        });
    }

    // One visitor for whatever is done with successors: the steps of a large system take long to
    // compile.
    struct Collect {
        Successors* to;
        void operator()(Taken taken, const State& after) const {
            const std::size_t count = to->system_.words();
            to->taken_.push_back(taken.step);
            to->found_.resize(to->found_.size() + count);
            std::uint64_t* const words = to->found_.data() + to->found_.size() - count;
            if constexpr (PacksRepresentatives<S>) {
                if (to->symmetry_ != Symmetry::off) {
                    const bool deep = to->symmetry_ == Symmetry::deep;
                    return to->system_.pack_representative(after, words, deep);
                }
            }
            to->pack(after, words);
        }
    };

    // A successor of state_.
    void pack(const State& after, std::uint64_t* words) const {
        if constexpr (PacksSuccessors<S>)
            system_.pack_after(state_, words_, after, words);
        else
            system_.pack(after, words);
    }

    const S& system_;
    Symmetry symmetry_;
    bool reduction_;
    State state_;                           // the one whose successors are visited
    const std::uint64_t* words_ = nullptr;  // and the same, packed
    std::vector<std::uint8_t> taken_;
    std::vector<std::uint64_t> found_;  // successors, packed one after the other
};

}  // namespace zcv::checker
