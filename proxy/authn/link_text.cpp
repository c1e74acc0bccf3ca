#include "proxy/authn/link_text.hpp"

#include "common/base/text.hpp"
#include "common/base/units.hpp"
#include "common/crypto/hash.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace sluice::proxy {

namespace {

// Short, common, hard to mishear, and none of them offensive next to another.
constexpr std::array<std::string_view, 256> words = {
    "acorn",   "amber",   "anchor",   "apple",   "apron",   "arrow",   "aspen",    "atlas",
    "autumn",  "badge",   "bagel",    "bamboo",  "banjo",   "barn",    "basil",    "basket",
    "beach",   "beacon",  "beetle",   "bench",   "berry",   "birch",   "bison",    "blanket",
    "bonnet",  "bottle",  "branch",   "bread",   "breeze",  "brick",   "bridge",   "broom",
    "brush",   "bucket",  "butter",   "button",  "cabin",   "cactus",  "camel",    "candle",
    "canoe",   "canyon",  "carpet",   "carrot",  "castle",  "cedar",   "cello",    "chalk",
    "cherry",  "chess",   "circle",   "citrus",  "clover",  "cobalt",  "coffee",   "comet",
    "copper",  "coral",   "cotton",   "crane",   "crater",  "cricket", "crystal",  "daisy",
    "dancer",  "delta",   "desert",   "diamond", "dolphin", "donkey",  "dragon",   "drum",
    "eagle",   "easel",   "ember",    "engine",  "fabric",  "falcon",  "feather",  "fennel",
    "fern",    "ferry",   "fiddle",   "field",   "finch",   "flag",    "flint",    "flute",
    "forest",  "fossil",  "fountain", "fox",     "galaxy",  "garden",  "garlic",   "gecko",
    "ginger",  "glacier", "glove",    "goose",   "grape",   "gravel",  "guitar",   "hammer",
    "harbor",  "harp",    "hazel",    "helmet",  "heron",   "hickory", "honey",    "horizon",
    "iceberg", "indigo",  "island",   "ivory",   "jacket",  "jaguar",  "jasmine",  "jigsaw",
    "juniper", "kayak",   "kettle",   "kiwi",    "koala",   "ladder",  "lagoon",   "lantern",
    "laurel",  "lemon",   "lilac",    "lily",    "linen",   "lizard",  "llama",    "lobster",
    "locket",  "lotus",   "magnet",   "mango",   "maple",   "marble",  "meadow",   "melon",
    "mimosa",  "mint",    "mirror",   "mitten",  "monsoon", "mosaic",  "mountain", "muffin",
    "mural",   "mustard", "napkin",   "nectar",  "needle",  "nickel",  "north",    "nutmeg",
    "oasis",   "ocean",   "olive",    "onion",   "onyx",    "opal",    "orange",   "orbit",
    "orchard", "orchid",  "otter",    "owl",     "oyster",  "paddle",  "panda",    "papaya",
    "parade",  "parrot",  "pastel",   "peach",   "pearl",   "pebble",  "pelican",  "pepper",
    "piano",   "picnic",  "pigeon",   "pillow",  "pine",    "planet",  "plum",     "pocket",
    "poplar",  "poppy",   "prairie",  "prism",   "puffin",  "pumpkin", "puzzle",   "quartz",
    "quilt",   "rabbit",  "radish",   "raft",    "rainbow", "raven",   "reef",     "ribbon",
    "river",   "robin",   "rocket",   "rose",    "ruby",    "saddle",  "saffron",  "sail",
    "salmon",  "sandal",  "sapphire", "satin",   "saturn",  "scarf",   "sequoia",  "shell",
    "silver",  "sketch",  "slate",    "sparrow", "spruce",  "squash",  "stable",   "star",
    "stone",   "summit",  "sunset",   "swan",    "teapot",  "temple",  "thistle",  "thyme",
    "tiger",   "timber",  "tomato",   "topaz",   "trumpet", "tulip",   "tundra",   "turtle",
    "valley",  "velvet",  "violet",   "violin",  "walnut",  "willow",  "winter",   "zebra"};

std::string or_unnamed(std::string_view text) {
    constexpr std::size_t shown_max = 64;
    return text.empty() ? "(default)" : printable(text, shown_max);
}

bool is_plain_word(std::string_view text) {
    const auto is_plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '.' || c == '-';
    };
    return !text.empty() && text.front() != '-' && std::all_of(text.begin(), text.end(), is_plain);
}

}  // namespace

std::string make_phrase(ByteView key, std::string_view session_id) {
    const auto hash = crypto::keyed_hash(key, as_bytes(session_id));
    const unsigned number = (hash[2] * 256U + hash[3]) % 100U;
    std::array<char, 4> digits{};
    std::snprintf(digits.data(), digits.size(), "%02u", number);
    return std::string(words[hash[0]]) + " " + std::string(words[hash[1]]) + " " + digits.data();
}

pg::ErrorFields link_notice(const LinkConfig& config,
                            std::string_view session_id,
                            std::string_view phrase,
                            const auth::RequestedAccess& requested,
                            std::string_view client_address) {
    const std::string link = config.url + std::string(session_id);
    const std::string expiry = format_duration(config.timeout);
    if (config.greeting == LinkConfig::Greeting::neon) {
        return pg::ErrorFields::notice(
            "Welcome to Neon!\nAuthenticate by visiting (will expire in " + expiry + "):\n    " +
            link + "\n\n");
    }
    auto fields = pg::ErrorFields::notice("Open this link to sign in (expires in " + expiry +
                                          "):\n    " + link + "\n");
    fields.detail = "Requested: role " + or_unnamed(requested.role) + ", database " +
                    or_unnamed(requested.database) + ", target " + or_unnamed(requested.target) +
                    ", from " + std::string(client_address);
    fields.hint =
        "The page must show this phrase: " + std::string(phrase) + ". If it does not, close it.";
    return fields;
}

pg::ErrorFields registration_refusal(const auth::ApiError& refusal) {
    auto fields = pg::ErrorFields::fatal(
        pg::sqlstate::invalid_authorization,
        refusal.message.empty() ? "the sign-in service refused this connection" : refusal.message);
    if (refusal.code == "target_required") {
        fields.hint = "Connect with options=target=NAME, for example options=target=local.";
    }
    return fields;
}

pg::ErrorFields no_password_refusal(const std::string& target, const std::string& role) {
    auto fields =
        pg::ErrorFields::fatal(pg::sqlstate::unable_to_connect,
                               "target \"" + printable(target, 64) +
                                   "\" has no password for role \"" + printable(role, 64) + "\"");
    // A command to be copied must not carry what a shell would take as more than a word.
    const bool copied = is_plain_word(target) && is_plain_word(role);
    fields.hint = "An administrator can set it: sluicectl target set-role " +
                  (copied ? target + " " + role : std::string("TARGET ROLE"));
    return fields;
}

pg::ErrorFields approval_notice(const auth::LinkSuccess& success, std::string_view target) {
    const std::string by =
        success.approver.empty() ? "" : " by " + printable(success.approver, 128);
    const std::string& known = success.target;
    return pg::ErrorFields::notice("Approved" + by + ": role " + or_unnamed(success.user) +
                                   ", database " + or_unnamed(success.dbname) + ", target " +
                                   or_unnamed(known.empty() ? target : known) + ".");
}

}  // namespace sluice::proxy
