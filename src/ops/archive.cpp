#include "ops/archive.hpp"

#include "base/crypto.hpp"
#include "base/json.hpp"
#include "base/json_write.hpp"
#include "base/text.hpp"
#include "db/blocking.hpp"
#include "http/gzip.hpp"
#include "ops/files.hpp"
#include "stream/sql_store.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace indaba::ops {

namespace {

constexpr std::size_t kMostEvents = 1'000;
constexpr std::size_t kMostBytes = std::size_t{4} << 20U;
constexpr Millis kDay = std::chrono::days(1);
constexpr std::string_view kManifest = "manifest.jsonl";

Error wrong(std::string_view what, const std::filesystem::path& file) {
  return Error::internal(
      fmt::format("archive: {} {}: {}", what, file.string(), std::strerror(errno)));
}

WallTime day_of(WallTime t) {
  return from_millis(to_millis(t) - to_millis(t) % kDay.count());
}

// Events of one stream and one day, in order.
struct Batch {
  stream::KeptStream of;
  std::string epoch;
  Seq first;
  Seq last;
  WallTime begins{};
  WallTime ends{};
  std::int64_t events = 0;
  std::string lines;

  [[nodiscard]] std::filesystem::path path() const {
    const auto day = std::chrono::system_clock::to_time_t(begins);
    return fmt::format("{:%Y/%m}/events-{}-{}-{}-{}.jsonl.gz", fmt::gmtime(day), of.stream.value,
                       epoch, first.value, last.value);
  }
};

void append_line(Batch& batch, const stream::Event& event) {
  std::string line = "{";
  json::append_member(line, "type", event.type);
  json::append_member(line, "seq", event.seq);
  json::append_member(line, "created_at", event.created_at);
  line += event.body;
  line += "}\n";
  batch.lines += line;
  if (batch.events++ == 0) {
    batch.first = event.seq;
    batch.begins = event.created_at;
  }
  batch.last = event.seq;
  batch.ends = event.created_at;
}

// The oldest events of a stream that are older than `before`; of the first one's day alone where
// they are to be kept.
Result<Batch> read_batch(db::Database& database, const stream::KeptStream& of, WallTime before,
                         bool by_day) {
  Batch batch;
  batch.of = of;
  for (bool more = true; more;) {
    auto query = [stream = of.stream, after = batch.last](db::Session& session) {
      return stream::read_page_after(session, stream, after, {.events = 200, .bytes = 256U << 10U});
    };
    INDABA_TRY(const auto page, db::read_blocking(database, query));
    batch.epoch = page.state.epoch;
    more = !page.events.empty();
    for (const auto& event : page.events) {
      more = event->created_at < before && batch.events < static_cast<std::int64_t>(kMostEvents) &&
             batch.lines.size() < kMostBytes &&
             (!by_day || batch.events == 0 || day_of(event->created_at) == day_of(batch.begins));
      if (!more) break;
      append_line(batch, *event);
    }
  }
  return batch;
}

// A line of the manifest, as far as it is read again.
struct Named {
  StreamId stream;
  std::string epoch;
  Seq last;
};

std::string manifest_line(const Batch& batch, std::string_view packed) {
  std::string line = "{";
  json::append_member(line, "file", batch.path().string());
  json::append_member(line, "sha256", text::to_hex(crypto::sha256(packed)));
  json::append_member(line, "bytes", packed.size());
  json::append_member(line, "stream_id", batch.of.stream);
  json::append_member(line, "epoch", batch.epoch);
  json::append_member(line, "kind", batch.of.kind);
  json::append_name(line, "org_id");
  line += batch.of.org ? std::to_string(batch.of.org.value) : "null";
  json::append_member(line, "events", batch.events);
  json::append_member(line, "first_seq", batch.first);
  json::append_member(line, "last_seq", batch.last);
  json::append_member(line, "first_at", batch.begins);
  json::append_member(line, "last_at", batch.ends);
  line += "}\n";
  return line;
}

// The folder while this has it. Its manifest ends with a whole line, always.
class Folder {
 public:
  // nullptr: somebody else has it.
  static Result<std::unique_ptr<Folder>> open(const std::filesystem::path& dir) {
    std::error_code error;
    std::filesystem::create_directories(dir, error);
    const auto file = dir / kManifest;
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return wrong("cannot open", file);
    std::unique_ptr<Folder> folder(new Folder(dir, fd));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return std::unique_ptr<Folder>();
      return wrong("cannot lock", file);
    }
    INDABA_TRY_VOID(folder->read_end());
    INDABA_TRY_VOID(sync_folder_of(file));
    return folder;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { ::close(fd_); }

  // What was written last: its events may be there still.
  [[nodiscard]] const std::optional<Named>& newest() const noexcept { return newest_; }

  Result<void> keep(const Batch& batch) {
    const auto packed = http::gzip(batch.lines);
    if (!packed) return Error::internal("archive: zlib has no memory");
    const auto file = dir_ / batch.path();
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    auto part = file;
    part += ".part";
    INDABA_TRY_VOID(write_durably(part, *packed));
    INDABA_TRY_VOID(rename_durably(part, file, true));
    INDABA_TRY_VOID(sync_folder_of(file.parent_path()));
    INDABA_TRY_VOID(sync_folder_of(file.parent_path().parent_path()));
    return append(manifest_line(batch, *packed));
  }

 private:
  Folder(std::filesystem::path dir, int fd) : dir_(std::move(dir)), fd_(fd) {}

  // Cuts off a line that was not finished, and remembers the last one.
  Result<void> read_end() {
    constexpr off_t kLongest = 4096;  // of a line
    const auto size = ::lseek(fd_, 0, SEEK_END);
    if (size < 0) return wrong("cannot read", dir_ / kManifest);
    std::string end(static_cast<std::size_t>(std::min(size, 2 * kLongest)), '\0');
    const auto from = size - static_cast<off_t>(end.size());
    if (::pread(fd_, end.data(), end.size(), from) != static_cast<ssize_t>(end.size()))
      return wrong("cannot read", dir_ / kManifest);
    const auto whole = end.rfind('\n') + 1;  // 0 where there is none
    size_ = from + static_cast<off_t>(whole);
    if (size_ < size && ::ftruncate(fd_, size_) != 0) return wrong("cannot cut", dir_ / kManifest);
    end.resize(whole);
    if (end.empty()) return {};
    end.pop_back();
    const auto line = json::parse(end.substr(end.rfind('\n') + 1));
    if (!line || !line->is_object()) return Error::internal("archive: the manifest is broken");
    const auto& named = line->get_object();
    const auto* stream = named.if_contains("stream_id");
    const auto* epoch = named.if_contains("epoch");
    const auto* last = named.if_contains("last_seq");
    if (stream == nullptr || !stream->is_int64() || epoch == nullptr || !epoch->is_string() ||
        last == nullptr || !last->is_int64())
      return Error::internal("archive: the manifest is broken");
    newest_ = Named{StreamId(stream->get_int64()), std::string(epoch->get_string()),
                    Seq(last->get_int64())};
    return {};
  }

  Result<void> append(std::string_view line) {
    const auto written = ::pwrite(fd_, line.data(), line.size(), size_);
    if (written != static_cast<ssize_t>(line.size()) || ::fsync(fd_) != 0)
      return wrong("cannot write", dir_ / kManifest);
    size_ += written;
    return {};
  }

  const std::filesystem::path dir_;
  const int fd_;
  off_t size_ = 0;
  std::optional<Named> newest_;
};

// Nothing where the stream is another one by now.
Result<std::int64_t> remove_through(db::Database& database, StreamId stream,
                                    const std::string& epoch, Seq last) {
  const auto change = [&](db::WriteTx& tx) -> Result<std::int64_t> {
    auto state = stream::read_state(tx.sql(), stream);
    if (!state && state.error().kind == ErrorKind::not_found) return 0;
    if (!state) return std::move(state).error();
    if (state->epoch != epoch) return 0;
    return stream::trim_through(tx, stream, last);
  };
  INDABA_TRY(const auto written, db::write_blocking(database, db::Shard(stream.value), change));
  return written.value;
}

// All of one stream that is older than `before`.
Result<void> archive_stream(db::Database& database, const ArchiveRequest& request,
                            const stream::KeptStream& of, WallTime before, Folder* folder,
                            stream::RetentionListener* listener, ArchiveReport& report) {
  ++report.streams;
  while (!request.stopping || !request.stopping()) {
    INDABA_TRY(const auto batch, read_batch(database, of, before, folder != nullptr));
    if (batch.events == 0) return {};
    if (folder != nullptr) {
      INDABA_TRY_VOID(folder->keep(batch));
      ++report.files;
    }
    INDABA_TRY(const auto deleted, remove_through(database, of.stream, batch.epoch, batch.last));
    if (deleted == 0) return {};  // it has gone, or begun anew
    report.events += deleted;
    if (listener != nullptr) listener->on_trimmed(of.stream, Seq(batch.last.value + 1));
  }
  return {};
}

}  // namespace

Result<ArchiveReport> archive_old_events(db::Database& database, const ArchiveRequest& request,
                                         stream::RetentionListener* listener) {
  ArchiveReport report;
  std::unique_ptr<Folder> folder;
  if (!request.dir.empty()) {
    INDABA_TRY(folder, Folder::open(request.dir));
    report.busy = folder == nullptr;
    if (report.busy) return report;
    if (const auto& newest = folder->newest()) {
      INDABA_TRY(const auto deleted,
                 remove_through(database, newest->stream, newest->epoch, newest->last));
      report.events += deleted;
      if (deleted > 0 && listener != nullptr)
        listener->on_trimmed(newest->stream, Seq(newest->last.value + 1));
    }
  }
  StreamId after;
  for (;;) {
    auto query = [after](db::Session& session) {
      return stream::list_kept_streams(session, after, StreamId());
    };
    INDABA_TRY(const auto streams, db::read_blocking(database, query));
    for (const auto& of : streams) {
      if (request.stopping && request.stopping()) return report;
      after = of.stream;
      const auto kept = of.own_retention ? of.own_retention : request.policy.of(of.kind);
      if (!kept) continue;
      const auto before = folder ? day_of(request.now - *kept) : request.now - *kept;
      if (of.oldest_at >= before) continue;
      INDABA_TRY_VOID(
          archive_stream(database, request, of, before, folder.get(), listener, report));
    }
    if (streams.size() < static_cast<std::size_t>(stream::kStreamsAtOnce)) return report;
  }
}

}  // namespace indaba::ops
