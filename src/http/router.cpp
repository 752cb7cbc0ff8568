#include "http/router.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <optional>

namespace indaba::http {

namespace {

constexpr std::array kMethods{Method::get,   Method::head,    Method::post,   Method::put,
                              Method::patch, Method::delete_, Method::options};

// The first segment of a path, and what follows it. A path is "/a/b"; "" and "/" have no segment.
struct Split {
  std::string_view segment;
  std::string_view rest;
};
Split split_first(std::string_view path) {
  path.remove_prefix(1);
  const auto slash = path.find('/');
  if (slash == std::string_view::npos) return {path, {}};
  return {path.substr(0, slash), path.substr(slash)};
}

bool is_end(std::string_view path) {
  return path.empty() || path == "/";
}

}  // namespace

std::string MethodSet::to_allow() const {
  std::string out;
  for (const auto method : kMethods) {
    if (!has(method)) continue;
    if (!out.empty()) out += ", ";
    out += to_string(method);
  }
  return out;
}

// One segment of the tree of patterns.
struct Router::Node {
  struct Target {
    Method method;
    std::size_t route;
    std::vector<std::string> names;  // of the parameters on the way here
  };
  std::vector<std::pair<std::string, std::unique_ptr<Node>>> literals;  // sorted
  std::unique_ptr<Node> param;
  std::unique_ptr<Node> rest;
  std::vector<Target> targets;

  Node* literal(std::string_view segment) const {
    const auto it =
        std::lower_bound(literals.begin(), literals.end(), segment,
                         [](const auto& entry, std::string_view key) { return entry.first < key; });
    return it != literals.end() && it->first == segment ? it->second.get() : nullptr;
  }

  Node& make_literal(std::string_view segment) {
    if (auto* found = literal(segment)) return *found;
    const auto it =
        std::lower_bound(literals.begin(), literals.end(), segment,
                         [](const auto& entry, std::string_view key) { return entry.first < key; });
    return *literals.emplace(it, std::string(segment), std::make_unique<Node>())->second;
  }

  const Target* target(Method method) const {
    for (const auto& t : targets)
      if (t.method == method) return &t;
    return nullptr;
  }

  // Finds the node that the path leads to, literal segments first, and fills in the values of the
  // parameters on the way.
  const Node* find(std::string_view path, Match& match) const {
    if (is_end(path)) return targets.empty() ? nullptr : this;
    const auto [segment, after] = split_first(path);
    if (segment.empty()) return nullptr;  // "//" is no path of ours
    if (const auto* next = literal(segment))
      if (const auto* found = next->find(after, match)) return found;
    const auto mark = match.param_count;
    if (param) {
      match.params[match.param_count++].value = segment;
      if (const auto* found = param->find(after, match)) return found;
      match.param_count = mark;
    }
    if (rest) {
      match.params[match.param_count++].value = path.substr(1);
      return rest.get();
    }
    return nullptr;
  }
};

Router::Router() : root_(std::make_unique<Node>()) {}
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;
Router::~Router() = default;

void Router::add(Method method, std::string_view pattern, std::size_t route) {
  check(pattern.starts_with('/'), "a route's pattern starts with a slash");
  Node* node = root_.get();
  std::vector<std::string> names;
  while (!is_end(pattern)) {
    const auto [segment, after] = split_first(pattern);
    check(!segment.empty(), "a route's pattern has no empty segment");
    pattern = after;
    if (segment.front() != '{') {
      node = &node->make_literal(segment);
      continue;
    }
    check(segment.back() == '}' && segment.size() > 2, "a route's parameter is written {name}");
    auto name = segment.substr(1, segment.size() - 2);
    const bool takes_rest = name.ends_with('*');
    if (takes_rest) name.remove_suffix(1);
    check(!takes_rest || is_end(pattern), "{rest*} stands last in a pattern");
    auto& next = takes_rest ? node->rest : node->param;
    if (!next) next = std::make_unique<Node>();
    node = next.get();
    names.emplace_back(name);
  }
  check(names.size() <= kMaxParams, "a route has at most eight parameters");
  check(node->target(method) == nullptr, "a method and path are served by one route");
  node->targets.push_back({method, route, std::move(names)});
}

Router::Match Router::match(Method method, std::string_view path) const {
  Match match;
  if (!path.starts_with('/')) return match;
  const Node* node = root_->find(path, match);
  if (node == nullptr) return match;
  for (const auto& target : node->targets) {
    match.allowed.add(target.method);
    if (target.method == Method::get) match.allowed.add(Method::head);
  }
  match.allowed.add(Method::options);
  const auto* target = node->target(method);
  if (target == nullptr && method == Method::head) target = node->target(Method::get);
  if (target == nullptr) {
    match.outcome = Outcome::wrong_method;
    return match;
  }
  match.outcome = Outcome::found;
  match.route = target->route;
  for (std::size_t i = 0; i < match.param_count; ++i) match.params[i].name = target->names[i];
  return match;
}

}  // namespace indaba::http
