// SessionExchange: a session moves from one node to another. Whoever is asked to resume one asks
// the others for it first: the node where its connection is still open closes that one (4000) and
// hands over what it followed, one where it was closed a moment ago hands over what it kept, and
// the others say that they have nothing.
//
// The question is put only while others are heard, and waits for all of them, at most kPatience; a
// node that dies at that moment costs as much. Without an answer the database has what was saved
// there seconds before. ask() on a loop; questions of others come on the bus's thread.
#pragma once

#include "base/task.hpp"
#include "cluster/cluster.hpp"
#include "gateway/open_sessions.hpp"
#include "gateway/resume.hpp"

#include <coroutine>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace indaba::gateway {

class SessionExchange {
 public:
  static constexpr Millis kPatience{300};

  // All outlive this.
  SessionExchange(cluster::Cluster& cluster, OpenSessions& open, ResumeStore& kept);

  [[nodiscard]] Task<std::optional<SavedSession>> ask(UserId user, std::string uuid);

 private:
  struct Question {
    Executor* executor = nullptr;
    std::coroutine_handle<> awaiting;
    std::size_t missing = 0;  // answers
    std::optional<SavedSession> best;
  };
  struct Asking;

  void put(const std::shared_ptr<Question>& question, UserId user, std::string_view uuid);
  // Whoever takes a question out of the list resumes who asked; nobody else does.
  void end(std::int64_t id);
  void hear(NodeId from, std::string_view body);
  void on_question(NodeId from, std::int64_t id, UserId user, std::string uuid);
  void on_answer(std::int64_t id, std::optional<SavedSession> session);
  void answer(NodeId to, std::int64_t id, const std::optional<SavedSession>& session);

  cluster::Cluster& cluster_;
  OpenSessions& open_;
  ResumeStore& kept_;
  std::mutex mutex_;
  std::unordered_map<std::int64_t, std::shared_ptr<Question>> questions_;  // guarded by mutex_
  std::int64_t last_id_ = 0;                                               // likewise
};

}  // namespace indaba::gateway
