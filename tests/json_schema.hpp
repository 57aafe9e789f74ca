#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

// As much of JSON Schema as our schemas use. A keyword it does not know is an error, so that no
// constraint is passed over in silence.
namespace zcv::test {

class JsonSchema {
  public:
    explicit JsonSchema(nlohmann::json root) : root_(std::move(root)) {}

    // What is wrong with the document, one line each, by its place in it.
    std::vector<std::string> complaints(const nlohmann::json& document) const {
        std::vector<std::string> all;
        check(root_, document, "", all);
        return all;
    }

  private:
    using Json = nlohmann::json;
    using Lines = std::vector<std::string>;

    void check(const Json& schema, const Json& value, const std::string& at, Lines& all) const {
        for (const auto& [keyword, wanted] : schema.items())
            check_one(keyword, wanted, schema, value, at, all);
    }

    void check_one(const std::string& keyword, const Json& wanted, const Json& schema,
                   const Json& value, const std::string& at, Lines& all) const {
        const auto complain = [&](const std::string& what) { all.push_back(at + ": " + what); };
        if (keyword == "$ref") {
            const std::string path = wanted.get<std::string>().substr(1);
            check(root_.at(Json::json_pointer(path)), value, at, all);
        } else if (keyword == "type") {
            if (!is_of_type(value, wanted)) complain("is no " + wanted.get<std::string>());
        } else if (keyword == "const") {
            if (value != wanted) complain("is not " + wanted.dump());
        } else if (keyword == "enum") {
            if (std::ranges::find(wanted, value) == wanted.end())
                complain(value.dump() + " is none of " + wanted.dump());
        } else if (keyword == "minimum") {
            if (value.is_number() && value < wanted) complain("is below " + wanted.dump());
        } else if (keyword == "pattern") {
            if (value.is_string() &&
                !std::regex_search(value.get<std::string>(), std::regex(wanted.get<std::string>())))
                complain(value.dump() + " is not like " + wanted.dump());
        } else if (keyword == "items") {
            for (std::size_t i = 0; value.is_array() && i < value.size(); ++i)
                check(wanted, value[i], at + "/" + std::to_string(i), all);
        } else if (keyword == "required") {
            for (const Json& name : wanted)
                if (value.is_object() && !value.contains(name))
                    complain("lacks " + name.get<std::string>());
        } else if (keyword == "properties") {
            for (const auto& [name, inner] : wanted.items())
                if (value.is_object() && value.contains(name))
                    check(inner, value[name], at + "/" + name, all);
        } else if (keyword == "additionalProperties") {
            check_others(wanted, schema, value, at, all);
        } else if (keyword == "anyOf") {
            const bool any = std::ranges::any_of(wanted, [&](const Json& each) {
                Lines inner;
                check(each, value, at, inner);
                return inner.empty();
            });
            if (!any) complain("fits none of the alternatives");
        } else if (keyword != "$schema" && keyword != "$id" && keyword != "$defs" &&
                   keyword != "title") {
            throw std::runtime_error("the schema has a keyword that is not checked: " + keyword);
        }
    }

    void check_others(const Json& wanted, const Json& schema, const Json& value,
                      const std::string& at, Lines& all) const {
        for (const auto& [name, inner] : value.items()) {
            if (!value.is_object() || schema.at("properties").contains(name)) continue;
            if (wanted.is_boolean()) {
                if (!wanted.get<bool>()) all.push_back(at + ": has " + name);
            } else {
                check(wanted, inner, at + "/" + name, all);
            }
        }
    }

    static bool is_of_type(const Json& value, const std::string& type) {
        if (type == "object") return value.is_object();
        if (type == "array") return value.is_array();
        if (type == "string") return value.is_string();
        if (type == "boolean") return value.is_boolean();
        if (type == "integer") return value.is_number_integer();
        if (type == "null") return value.is_null();
        throw std::runtime_error("the schema has a type that is not checked: " + type);
    }

    Json root_;
};

}  // namespace zcv::test
