#include <fmt/format.h>

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <map>
#include <sstream>

#include "traces/report_findings.hpp"
#include "traces/report_forms.hpp"

namespace zcv {
namespace {

using boost::property_tree::ptree;

ptree& add_case(ptree& suite, const std::string& name) {
    ptree& test = suite.add("testcase", "");
    test.put("<xmlattr>.classname", "zcv");
    test.put("<xmlattr>.name", name);
    return test;
}

void add_outcome(ptree& test, const char* what, const std::string& message,
                 const std::string& text = {}) {
    ptree& outcome = test.add(what, text);
    outcome.put("<xmlattr>.message", message);
}

std::string in_words(const Violation& violation) {
    std::string text = violation.explanation + "\nseen: " + violation.evidence;
    for (const std::string& frame : violation.stack) text += "\n  " + frame;
    return text;
}

std::string joined(const std::vector<std::string>& reasons) {
    std::string text;
    for (const std::string& reason : reasons) text += (text.empty() ? "" : "; ") + reason;
    return text;
}

// XML 1.0 has no control characters but these three.
std::string without_controls(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' && c != '\r') c = '?';
    return text;
}

}  // namespace

std::string junit_suite(const Judged& judged) {
    const ReplayReport& report = judged.report;
    ptree root;
    ptree& suite = root.add("testsuite", "");
    std::map<std::string_view, std::vector<Finding>> broken;
    for (Finding& finding : fold(report.violations, judged.trace))
        broken[finding.first->rule->id].push_back(std::move(finding));
    std::size_t tests = 1, failures = 0, skipped = 0;
    suite.put("<xmlattr>.name", judged.file);
    for (const Suppression& each : report.suppressions) {
        ptree& property = suite.add("properties.property", "");
        property.put("<xmlattr>.name", "suppression " + place_of(each));
        property.put("<xmlattr>.value", use_of(each) + ": " + each.reason);
    }
    ptree& walk = add_case(suite, "every record is explained");
    if (report.divergence && report.verdict == Verdict::violation) {
        add_outcome(walk, "failure", report.divergence->what);
        ++failures;
    } else if (report.verdict == Verdict::inconclusive) {
        add_outcome(walk, "skipped", "INCONCLUSIVE: " + joined(report.reasons));
        ++skipped;
    }
    for (const Rule& rule : rules()) {
        if (rule.severity != Severity::error) continue;
        ++tests;
        ptree& test = add_case(suite, full_name(rule));
        const auto found = broken.find(rule.id);
        if (found == broken.end()) {
            const auto known = std::ranges::count(report.suppressed, &rule, &Violation::rule);
            if (known > 0) {
                add_outcome(test, "skipped", fmt::format("suppressed {} times", known));
                ++skipped;
                continue;
            }
            if (report.verdict != Verdict::inconclusive) continue;
            add_outcome(test, "skipped", "INCONCLUSIVE");
            ++skipped;
            continue;
        }
        ++failures;
        for (const Finding& finding : found->second)
            add_outcome(test, "failure",
                        fmt::format("{} ({} times)", rule.says, finding.sends.size()),
                        in_words(*finding.first));
    }
    suite.put("<xmlattr>.tests", tests);
    suite.put("<xmlattr>.failures", failures);
    suite.put("<xmlattr>.errors", 0);
    suite.put("<xmlattr>.skipped", skipped);
    std::ostringstream text;
    write_xml_element(text, ptree::key_type(), root, -1,
                      boost::property_tree::xml_writer_make_settings<std::string>(' ', 1));
    return without_controls(text.str());
}

std::string junit_document(const std::string& suites) {
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"zcv\">\n" + suites +
           "</testsuites>\n";
}

}  // namespace zcv
