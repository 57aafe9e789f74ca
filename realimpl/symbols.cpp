#include "realimpl/symbols.hpp"

#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdwfl.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>

#include "realimpl/elf_places.hpp"

namespace zcv {
namespace {

std::string demangled(const char* name) {
    int status = 0;
    char* const readable = abi::__cxa_demangle(name, nullptr, nullptr, &status);
    std::string text = status == 0 ? readable : name;
    std::free(readable);
    return text;
}

// Compilers note paths as they were given them: relative ones are meant from where they ran.
std::string source_path(const char* source, const char* folder) {
    const std::filesystem::path path{source};
    if (path.is_absolute() || folder == nullptr) return path.lexically_normal();
    return (folder / path).lexically_normal();
}

const char* compiled_in(Dwarf_Die* unit) {
    Dwarf_Attribute attribute;
    return dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
}

void set_place(StackFrame& frame, Dwarf_Die* unit, Dwarf_Addr address) {
    Dwarf_Line* const line = dwarf_getsrc_die(unit, address);
    const char* const source = line == nullptr ? nullptr : dwarf_linesrc(line, nullptr, nullptr);
    int number = 0;
    if (source == nullptr || dwarf_lineno(line, &number) != 0) return;
    frame.file = source_path(source, compiled_in(unit));
    frame.line = static_cast<std::uint32_t>(number);
}

// The place that a function was inlined into, as the compiler noted it.
void set_call_place(StackFrame& frame, Dwarf_Die* inlined, Dwarf_Die* unit) {
    Dwarf_Attribute attribute;
    Dwarf_Word file = 0, line = 0;
    Dwarf_Files* files = nullptr;
    std::size_t count = 0;
    frame.file.clear();
    frame.line = 0;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &file) != 0 ||
        dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &line) != 0 ||
        dwarf_getsrcfiles(unit, &files, &count) != 0 || file >= count)
        return;
    if (const char* name = dwarf_filesrc(files, file, nullptr, nullptr))
        frame.file = source_path(name, compiled_in(unit));
    frame.line = static_cast<std::uint32_t>(line);
}

// One frame more for each function inlined at the address, innermost first; what remains in
// `frame` is the function that they were inlined into, at the place of the outermost call.
void add_inlined(Dwarf_Die* unit, Dwarf_Addr address, StackFrame& frame,
                 std::vector<StackFrame>& named) {
    Dwarf_Die* scopes = nullptr;
    const int innermost = dwarf_getscopes(unit, address, &scopes);
    if (innermost <= 0) return;
    // The lexical way out from there: dwarf_getscopes itself goes on in the abstract function.
    Dwarf_Die* ways = nullptr;
    const int count = dwarf_getscopes_die(&scopes[0], &ways);
    for (int i = 0; i < count; ++i) {
        if (dwarf_tag(&ways[i]) == DW_TAG_subprogram) break;
        if (dwarf_tag(&ways[i]) != DW_TAG_inlined_subroutine) continue;
        StackFrame inner = frame;
        if (const char* name = dwarf_diename(&ways[i])) inner.function = demangled(name);
        named.push_back(std::move(inner));
        set_call_place(frame, &ways[i], unit);
    }
    std::free(ways);
    std::free(scopes);
}

}  // namespace

GElf_Addr address_in(Elf* elf, std::uint64_t offset) {
    constexpr GElf_Off page = 4096;
    std::size_t count = 0;
    if (elf == nullptr || elf_getphdrnum(elf, &count) != 0) return 0;
    for (std::size_t i = 0; i < count; ++i) {
        GElf_Phdr header;
        if (gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr) continue;
        // Whole pages are mapped, also where a segment begins in the midst of one.
        if (header.p_type == PT_LOAD && (header.p_flags & PF_X) != 0 &&
            offset >= header.p_offset / page * page && offset < header.p_offset + header.p_filesz)
            return offset - header.p_offset + header.p_vaddr;
    }
    return 0;
}

namespace {

// Both a watchpoint's trap and a call have left the instruction behind: the one before is meant. At
// the first of a function there is a probe, which has yet to execute it.
GElf_Addr address_meant(Dwfl_Module* module, const StackFrame& frame, bool innermost,
                        GElf_Addr& bias) {
    if (module == nullptr) return 0;
    Elf* const elf = dwfl_module_getelf(module, &bias);
    const GElf_Addr at = address_in(elf, frame.offset);
    GElf_Off into = 1;
    GElf_Sym symbol;
    if (innermost && at != 0)
        dwfl_module_addrinfo(module, at + bias, &into, &symbol, nullptr, nullptr, nullptr);
    return into == 0 ? at : address_in(elf, frame.offset - 1);
}

}  // namespace

struct Symbols::Module {
    explicit Module(const std::string& path) {
        callbacks.find_elf = dwfl_build_id_find_elf;
        callbacks.find_debuginfo = dwfl_standard_find_debuginfo;
        callbacks.section_address = dwfl_offline_section_address;
        callbacks.debuginfo_path = &debuginfo_path;
        dwfl = dwfl_begin(&callbacks);
        if (dwfl == nullptr) return;
        dwfl_report_begin(dwfl);
        module = dwfl_report_offline(dwfl, path.c_str(), path.c_str(), -1);
        dwfl_report_end(dwfl, nullptr, nullptr);
    }
    ~Module() {
        if (dwfl != nullptr) dwfl_end(dwfl);
    }
    Module(const Module&) = delete;
    Module& operator=(const Module&) = delete;

    // The unit that code at this address was compiled in, null where nothing says so. libdw looks
    // into a table of addresses (.debug_aranges) that clang and rustc do not write: then the units
    // themselves are asked, once.
    Dwarf_Die* unit_at(Dwarf_Addr address, Dwarf_Addr& bias) {
        if (Dwarf_Die* const unit = dwfl_module_addrdie(module, address, &bias)) return unit;
        if (!listed_units) list_units();
        const auto next = code.upper_bound(address);
        if (next == code.begin()) return nullptr;
        const Code& before = std::prev(next)->second;
        bias = before.bias;
        return address < before.end ? before.unit : nullptr;
    }

    void list_units() {
        listed_units = true;
        Dwarf_Addr bias = 0;
        for (Dwarf_Die* unit = nullptr;
             (unit = dwfl_module_nextcu(module, unit, &bias)) != nullptr;) {
            Dwarf_Addr base = 0, begin = 0, end = 0;
            for (std::ptrdiff_t at = 0; (at = dwarf_ranges(unit, at, &base, &begin, &end)) > 0;)
                code[begin + bias] = {end + bias, bias, unit};
        }
    }

    struct Code {
        Dwarf_Addr end = 0;
        Dwarf_Addr bias = 0;
        Dwarf_Die* unit = nullptr;
    };

    bool listed_units = false;
    std::map<Dwarf_Addr, Code> code;  // by where it begins
    Dwfl_Callbacks callbacks{};
    char* debuginfo_path = nullptr;
    Dwfl* dwfl = nullptr;
    Dwfl_Module* module = nullptr;
};

Symbols::Symbols() = default;
Symbols::~Symbols() = default;

void Symbols::name(Stack& stack) {
    std::vector<StackFrame> named;
    for (const StackFrame& frame : stack.frames) name(frame, &frame == &stack.frames[0], named);
    stack.frames = std::move(named);
}

void Symbols::name(StackFrame frame, bool innermost, std::vector<StackFrame>& named) {
    std::unique_ptr<Module>& file = modules_[frame.module];
    if (!file) file = std::make_unique<Module>(frame.module);
    GElf_Addr bias = 0;
    const GElf_Addr linked = address_meant(file->module, frame, innermost, bias);
    if (linked == 0) return named.push_back(std::move(frame));
    if (const char* name = dwfl_module_addrname(file->module, linked + bias))
        frame.function = demangled(name);
    Dwarf_Addr unit_bias = 0;
    if (Dwarf_Die* const unit = file->unit_at(linked + bias, unit_bias)) {
        set_place(frame, unit, linked + bias - unit_bias);
        add_inlined(unit, linked + bias - unit_bias, frame, named);
    }
    named.push_back(std::move(frame));
}

}  // namespace zcv
