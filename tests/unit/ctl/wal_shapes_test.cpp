#include "ctl/wal_shapes.hpp"

#include "common/pgwal/page.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::ctl {
namespace {

using pgwal::page_bytes;
using pgwal::SegmentSize;

constexpr std::uint64_t commit_bytes = 34;

SegmentSize size_of(std::uint64_t bytes) {
    auto size = SegmentSize::load(bytes);
    EXPECT_TRUE(size);
    return size ? *size : SegmentSize();
}

// The arithmetic of a server's insert position, record by record; written down another way than in
// wal_shapes.cpp: byte by byte.
class FakeServer final : public WalServer {
public:
    FakeServer(SegmentSize size, Lsn position) : size_(size), position_(position) { skip_header(); }

    Result<Lsn> insert_position() override {
        if (calls_until_disturbance == 0) write(50);
        if (calls_until_disturbance >= 0) --calls_until_disturbance;
        return position_;
    }
    Result<Lsn> emit_message(MessageKind kind, std::uint64_t bytes) override {
        const std::uint64_t data = 24 + 7 + bytes;
        const Lsn end = write(24 + (data < 256 ? 2 : 5) + data);
        if (kind == MessageKind::in_transaction) write(commit_bytes);
        return end;
    }
    Result<Lsn> switch_segment() override {
        switch_end = write(24);
        const Lsn answer = position_;
        position_ = size_.round_up(switch_end);
        skip_header();
        return answer;
    }
    Result<void> wait_flushed(Lsn end) override {
        flushed = end;
        return {};
    }

    int calls_until_disturbance = -1;
    Lsn switch_end;
    Lsn flushed;

private:
    void skip_header() {
        if (pgwal::page_offset(position_) != 0) return;
        position_ = position_ + (size_.offset_of(position_) == 0 ? 40 : 24);
    }
    Lsn write(std::uint64_t bytes) {
        for (std::uint64_t i = 0; i < bytes; ++i) {
            skip_header();
            position_ = position_ + 1;
        }
        while (position_.value() % 8 != 0) position_ = position_ + 1;
        const Lsn end = position_;
        skip_header();
        return end;
    }

    SegmentSize size_;
    Lsn position_;
};

class WalShapes : public testing::TestWithParam<std::tuple<WalShape, std::uint64_t>> {};

std::string name_of(const testing::TestParamInfo<WalShapes::ParamType>& info) {
    return std::string(to_string(std::get<0>(info.param))) + "_" +
           std::to_string(std::get<1>(info.param) >> 20U) + "MiB";
}

void expect_shape(WalShape shape,
                  SegmentSize size,
                  const CraftedWal& wal,
                  const FakeServer& server) {
    ASSERT_FALSE(wal.record_starts.empty());
    const Lsn last = wal.record_starts.back();
    EXPECT_LT(last, wal.end_of_wal);
    EXPECT_EQ(server.flushed, wal.end_of_wal);
    for (const Lsn start : wal.record_starts) {
        EXPECT_EQ(start.value() % 8, 0U);
        EXPECT_GE(pgwal::page_offset(start), size.offset_of(start) < page_bytes ? 40U : 24U);
    }
    switch (shape) {
    case WalShape::simple: EXPECT_EQ(wal.record_starts.size(), 6U); break;
    case WalShape::last_wal_record_xlog_switch:
        EXPECT_EQ(size.offset_of(wal.end_of_wal), 0U);
        EXPECT_EQ(size.round_up(server.switch_end), wal.end_of_wal);
        break;
    case WalShape::last_wal_record_xlog_switch_ends_on_page_boundary:
        EXPECT_EQ(size.offset_of(wal.end_of_wal), 0U);
        EXPECT_EQ(pgwal::page_offset(server.switch_end), 0U);
        EXPECT_NE(size.offset_of(server.switch_end), 0U);
        break;
    case WalShape::wal_record_crossing_segment_followed_by_small_one: {
        const Lsn big = wal.record_starts.at(wal.record_starts.size() - 2);
        EXPECT_EQ(size.segment_of(big) + 1, size.segment_of(last));
        break;
    }
    case WalShape::last_wal_record_crossing_segment:
        EXPECT_EQ(size.segment_of(last) + 1, size.segment_of(wal.end_of_wal));
        break;
    }
}

TEST_P(WalShapes, EndAsTheirNamesSayWhereverTheWalStands) {
    const auto [shape, bytes] = GetParam();
    const auto size = size_of(bytes);
    for (const std::uint64_t offset : {std::uint64_t{0},
                                       std::uint64_t{40},
                                       std::uint64_t{7'000},
                                       std::uint64_t{8'120},
                                       std::uint64_t{8'168},
                                       bytes - 8'192,
                                       bytes - 8'000,
                                       bytes - 24,
                                       bytes - 8}) {
        SCOPED_TRACE(offset);
        FakeServer server(size, size.start_of(7) + offset);

        const auto wal = craft_wal(shape, size, server);

        ASSERT_TRUE(wal) << wal.error().message();
        expect_shape(shape, size, *wal, server);
    }
}

TEST_P(WalShapes, AreWrittenAnewWhenTheServerWritesInBetween) {
    const auto [shape, bytes] = GetParam();
    const auto size = size_of(bytes);
    for (int calls = 1; calls < 8; ++calls) {
        SCOPED_TRACE(calls);
        FakeServer server(size, size.start_of(7) + 4'096);
        server.calls_until_disturbance = calls;

        const auto wal = craft_wal(shape, size, server);

        ASSERT_TRUE(wal) << wal.error().message();
        expect_shape(shape, size, *wal, server);
    }
}

INSTANTIATE_TEST_SUITE_P(Every,
                         WalShapes,
                         testing::Combine(testing::ValuesIn(wal_shapes),
                                          testing::Values(1U << 20U, 16U << 20U, 64U << 20U)),
                         name_of);

class RestlessServer final : public WalServer {
public:
    Result<Lsn> insert_position() override { return Lsn(position_ += 64); }
    Result<Lsn> emit_message(MessageKind, std::uint64_t) override { return Lsn(position_ += 64); }
    Result<Lsn> switch_segment() override { return Lsn(position_ += 64); }
    Result<void> wait_flushed(Lsn) override { return {}; }

private:
    std::uint64_t position_ = 0x1000040;
};

TEST(WalShape, GivesUpOnAServerThatNeverRests) {
    RestlessServer server;

    const auto wal = craft_wal(WalShape::last_wal_record_xlog_switch, SegmentSize(), server);

    ASSERT_FALSE(wal);
    EXPECT_NE(wal.error().message().find("autovacuum"), std::string::npos);
}

TEST(WalShape, IsFoundByItsName) {
    for (const auto shape : wal_shapes) EXPECT_EQ(find_wal_shape(to_string(shape)), shape);
    EXPECT_EQ(find_wal_shape("complicated"), std::nullopt);
}

}  // namespace
}  // namespace sluice::ctl
