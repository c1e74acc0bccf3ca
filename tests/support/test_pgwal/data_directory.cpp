#include "tests/support/test_pgwal/data_directory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>

namespace sluice::test_pgwal {

namespace {

Error file_error(const std::filesystem::path& path) {
    return Error(ErrorKind::storage,
                 path.string(),
                 boost::system::error_code(errno, boost::system::system_category()));
}

// The segments of one timeline.
class SegmentReader final : public pgwal::SegmentSource {
public:
    SegmentReader(std::filesystem::path folder, const pgwal::ControlData& data)
        : folder_(std::move(folder)),
          segment_size_(data.segment_size),
          timeline_(data.checkpoint.timeline) {}

    Result<std::size_t> read(Lsn from, ByteSpan to) override {
        const std::uint32_t offset = segment_size_.offset_of(from);
        const auto path = folder_ / pgwal::segment_file_name(timeline_, from, segment_size_);
        std::ifstream in(path, std::ios::binary);
        if (!in) return std::size_t{0};
        in.seekg(offset);
        const std::size_t most = std::min<std::size_t>(to.size(), segment_size_.bytes() - offset);
        in.read(reinterpret_cast<char*>(to.data()), static_cast<std::streamsize>(most));
        return static_cast<std::size_t>(in.gcount());
    }

private:
    std::filesystem::path folder_;
    pgwal::SegmentSize segment_size_;
    std::uint32_t timeline_;
};

}  // namespace

Result<Bytes> read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return file_error(path);
    return Bytes(std::istreambuf_iterator<char>(in), {});
}

Result<pgwal::ControlData> DataDirectory::load_control() const {
    const auto file = read_file(control_file());
    if (!file) return file.error();
    return pgwal::decode_control_data(*file);
}

Result<void> DataDirectory::store_control(const pgwal::ControlData& data) const {
    const Bytes file = pgwal::encode_control_data(data);
    std::fstream out(control_file(), std::ios::binary | std::ios::in | std::ios::out);
    out.write(reinterpret_cast<const char*>(file.data()),
              static_cast<std::streamsize>(file.size()));
    out.close();
    if (!out) return file_error(control_file());
    return {};
}

Result<pgwal::EndOfWal> DataDirectory::find_end(const pgwal::ControlData& data) const {
    SegmentReader segments(wal_folder(), data);
    pgwal::WalDecoderOptions options;
    options.major = data.major;
    options.segment_size = data.segment_size;
    options.start = data.checkpoint_lsn;
    options.system_id = data.system_id;
    options.timeline_min = data.checkpoint.timeline;
    return pgwal::find_end_of_wal(segments, options);
}

void DataDirectory::remove_segments() const {
    for (const auto& entry : std::filesystem::directory_iterator(wal_folder()))
        if (entry.is_regular_file()) std::filesystem::remove(entry.path());
}

SegmentFiles::~SegmentFiles() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> SegmentFiles::write(Lsn lsn, ByteView bytes) {
    if (auto opened = open(lsn); !opened) return opened;
    const auto offset = static_cast<off_t>(identity_.segment_size.offset_of(lsn));
    if (::pwrite(descriptor_, bytes.data(), bytes.size(), offset) !=
        static_cast<ssize_t>(bytes.size()))
        return file_error(folder_);
    return {};
}

Result<void> SegmentFiles::open(Lsn lsn) {
    const std::uint64_t segment = identity_.segment_size.segment_of(lsn);
    if (descriptor_ >= 0 && segment == segment_) return {};
    if (descriptor_ >= 0) ::close(descriptor_);
    const auto path =
        folder_ / pgwal::segment_file_name(identity_.timeline, lsn, identity_.segment_size);
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor_ < 0 || ::ftruncate(descriptor_, identity_.segment_size.bytes()) != 0)
        return file_error(path);
    segment_ = segment;
    return {};
}

}  // namespace sluice::test_pgwal
