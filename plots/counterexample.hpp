#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/checker/counterexample.hpp"
#include "plots/picture.hpp"

namespace zcv {

// What the chart of a counterexample says beside its steps.
struct CounterexampleView {
    std::string scenario;
    std::string world;   // "profile 6.18, application first-cqe"
    std::string broken;  // "S2-stable-data"
    std::string breaks;  // what that means, one sentence
    PictureKind kind = PictureKind::png;
    const Theme* theme = &light_theme();
};

// The contexts that take part, in the order of the lanes: from the application down to the peer.
std::vector<std::string> lanes_of(const std::vector<checker::CounterexampleStep>& steps);

// A sequence chart, time going down: one lane a context, a box a step with what it is about and
// where to read it, and at the right what it changed. The step that breaks the property stands out.
void draw_counterexample(Gnuplot& gp, const std::vector<checker::CounterexampleStep>& steps,
                         const std::optional<checker::Repeat>& repeat,
                         const CounterexampleView& view);

}  // namespace zcv
