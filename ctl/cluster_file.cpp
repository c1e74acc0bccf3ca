#include "ctl/cluster_file.hpp"

#include "common/config/yaml.hpp"

#include <fmt/format.h>

namespace sluice::ctl {

ClusterFile ClusterFile::load(const std::filesystem::path& file) {
    auto root = config::Section::load(file);
    ClusterFile cluster;
    auto ports = root.required_section("ports");
    for (const auto& field : port_fields) {
        const auto port =
            ports.integer(std::string(field.name), cluster.ports.*field.member, 1, 65535);
        cluster.ports.*field.member = static_cast<std::uint16_t>(port);
    }
    ports.finish();
    cluster.postgres_bin = root.required_path("postgres_bin");
    cluster.postgres_data = root.required_path("postgres_data");
    cluster.postgres_socket = root.required_path("postgres_socket");
    cluster.registered = root.boolean("registered", false);
    root.finish();
    return cluster;
}

std::string render(const ClusterFile& cluster) {
    std::string text =
        "# Written by sluicectl up. Ports of the services themselves: proxy.yaml and auth.yaml.\n"
        "ports:\n";
    for (const auto& field : port_fields) {
        text += fmt::format("  {}: {}\n", field.name, cluster.ports.*field.member);
    }
    text += fmt::format("postgres_bin: {}\n", yaml_quoted(cluster.postgres_bin.string()));
    text += fmt::format("postgres_data: {}\n", yaml_quoted(cluster.postgres_data.string()));
    text += fmt::format("postgres_socket: {}\n", yaml_quoted(cluster.postgres_socket.string()));
    text += fmt::format("# Whether the first user, target and grant were made.\nregistered: {}\n",
                        cluster.registered);
    return text;
}

std::string yaml_quoted(const std::string& text) {
    std::string quoted = "\"";
    for (const char character : text) {
        if (character == '"' || character == '\\') quoted += '\\';
        quoted += character;
    }
    return quoted + "\"";
}

}  // namespace sluice::ctl
