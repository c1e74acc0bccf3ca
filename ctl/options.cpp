#include "ctl/options.hpp"

#include "common/base/units.hpp"
#include "ctl/command_words.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <sstream>

namespace sluice::ctl {

namespace {

const char* const main_footer = R"(
A first cluster:
  sluicectl up                       make it, start it, print how to connect
  sluicectl psql                     connect; open the printed link and approve
  sluicectl status                   what runs, where, since when
  sluicectl logs proxy -f            follow a log
  sluicectl down                     stop it; 'down --destroy' also deletes the data

Let somebody else in:
  sluicectl user add alice@example.com
  sluicectl grant add alice@example.com --role app --database app --target local

Exit status: 0 done, 1 failed, 2 wrong usage, 3 something is not running (status), 4 WAL has a gap
or damage (wal).
'sluicectl COMMAND --help' has examples of each command.)";

// Builds the command line. Options write into `chosen` through the struct of their command, which
// becomes the result when the command's callback runs.
class Parser {
public:
    Parser();
    CommandLine parse(const std::vector<std::string>& given);

private:
    template <class Options>
    Options& command(CLI::App* app) {
        auto options = std::make_shared<Options>();
        app->callback([this, options] { chosen_ = *options; });
        kept_.push_back(options);
        return *options;
    }
    CLI::App* add(CLI::App& parent,
                  const std::string& name,
                  const std::string& description,
                  const std::string& examples);

    void add_up();
    void add_down();
    void add_status();
    void add_logs();
    void add_psql();
    void add_user();
    void add_target();
    void add_grant();
    void add_sessions();
    void add_audit();
    void add_wal();
    void add_wal_craft(CLI::App& wal);
    void add_wal_dump(CLI::App& wal);
    void add_wal_verify(CLI::App& wal);

    // A group of administrative commands: `api` is shared by its members.
    struct Group {
        CLI::App* app;
        std::shared_ptr<ApiOptions> api;
    };
    Group group(const std::string& name,
                const std::string& description,
                const std::string& examples);
    std::shared_ptr<ApiOptions> api_options(CLI::App* app);
    template <class Options>
    Options& member(const Group& group, CLI::App* app) {
        auto options = std::make_shared<Options>();
        app->callback([this, options, api = group.api] {
            options->api = *api;
            chosen_ = *options;
        });
        kept_.push_back(options);
        return *options;
    }

    CLI::App app_{"Runs a sluice cluster on this machine and administers sluice-auth.",
                  "sluicectl"};
    CommandLine chosen_;
    std::vector<std::shared_ptr<void>> kept_;
};

void add_dir(CLI::App* app, std::filesystem::path& dir) {
    app->add_option("--dir", dir, "Folder of the cluster")->capture_default_str()->type_name("DIR");
}

void add_timeout(CLI::App* app, std::chrono::milliseconds& timeout, const std::string& what) {
    app->add_option_function<std::string>(
           "--timeout",
           [&timeout](const std::string& text) {
               const auto parsed = parse_duration(text);
               if (!parsed)
                   throw CLI::ValidationError("--timeout",
                                              "'" + text + "' is no duration (40s, 2m)");
               timeout = *parsed;
           },
           what + " [" + format_duration(timeout) + "]")
        ->type_name("TIME");
}

void add_password(CLI::App* app, PasswordSource& source, const std::string& whose) {
    auto* file = app->add_option("--password-file",
                                 source.file,
                                 whose + ": first line of this file; - is standard input")
                     ->type_name("FILE");
    app->add_flag("--generate", source.generate, whose + ": make one and print it")->excludes(file);
}

// The bounds are not repeated in the help, where they would only be in the way.
CLI::Validator port_range() { return CLI::Range(1, 65535).description(""); }

CLI::App* Parser::add(CLI::App& parent,
                      const std::string& name,
                      const std::string& description,
                      const std::string& examples) {
    auto* app = parent.add_subcommand(name, description);
    app->footer(examples.empty()
                    ? "\nOptions of 'sluicectl " + parent.get_name() + "' may follow too."
                    : "\nExamples:\n" + examples);
    app->fallthrough();
    return app;
}

Parser::Parser() {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "sluicectl " SLUICE_VERSION);
    app_.footer(main_footer);
    add_up();
    add_down();
    add_status();
    add_logs();
    add_psql();
    add_user();
    add_target();
    add_grant();
    add_sessions();
    add_audit();
    add_wal();
}

void Parser::add_up() {
    auto* app = add(app_,
                    "up",
                    "Make the cluster if it does not exist, and start what does not run",
                    "  sluicectl up\n"
                    "  sluicectl up --dir /srv/sluice --proxy-port 6432\n"
                    "  sluicectl up --free-ports --pg-bin /usr/lib/postgresql/15/bin");
    auto& options = command<UpOptions>(app);
    add_dir(app, options.dir);
    app->add_option(
           "--pg-bin", options.postgres_bin, "Folder with initdb and postgres [the newest]")
        ->type_name("DIR");
    for (std::size_t i = 0; i < port_fields.size(); ++i) {
        const auto& field = port_fields[i];
        app->add_option(std::string(field.option),
                        options.ports[i],
                        std::string(field.use) + " [" + std::to_string(Ports{}.*field.member) + "]")
            ->check(port_range())
            ->type_name("PORT");
    }
    app->add_flag(
        "--free-ports", options.free_ports, "New cluster: free ports instead of defaults");
    add_timeout(app, options.timeout, "Longest wait for a program to become ready");
}

void Parser::add_down() {
    auto* app = add(app_,
                    "down",
                    "Stop the cluster; the data stays",
                    "  sluicectl down\n"
                    "  sluicectl down --destroy         also delete data, keys and configuration\n"
                    "  sluicectl down --destroy --yes   without asking");
    auto& options = command<DownOptions>(app);
    add_dir(app, options.dir);
    app->add_flag("--destroy", options.destroy, "Delete the cluster and all its data");
    app->add_flag("--yes", options.yes, "Do not ask before deleting");
    add_timeout(app, options.timeout, "Longest wait for a program before it is killed");
}

void Parser::add_status() {
    auto* app = add(app_,
                    "status",
                    "What runs, where, since when; exit status 3 unless everything is ready",
                    "  sluicectl status\n"
                    "  sluicectl status --dir /srv/sluice");
    add_dir(app, command<StatusOptions>(app).dir);
}

void Parser::add_logs() {
    auto* app = add(app_,
                    "logs",
                    "Show the logs",
                    "  sluicectl logs              the end of all three\n"
                    "  sluicectl logs proxy -f     follow one\n"
                    "  sluicectl logs auth -n 500");
    auto& options = command<LogsOptions>(app);
    add_dir(app, options.dir);
    app->add_option("part", options.part, "proxy, auth or postgres")
        ->check(CLI::IsMember({"proxy", "auth", "postgres"}))
        ->type_name("");
    app->add_flag("-f,--follow", options.follow, "Wait for further lines");
    app->add_option("-n,--lines", options.lines, "How many lines")
        ->capture_default_str()
        ->type_name("N");
    app->add_flag("--json", options.json, "On a terminal too: JSON lines as they were written");
}

void Parser::add_psql() {
    auto* app = add(app_,
                    "psql",
                    "Connect with psql through the proxy; everything after -- goes to psql",
                    "  sluicectl psql\n"
                    "  sluicectl psql -- -c 'select version()'\n"
                    "  sluicectl psql -- -d postgres\n"
                    "  sluicectl psql --target shop -- -U report -d shop");
    auto& options = command<PsqlOptions>(app);
    add_dir(app, options.dir);
    app->add_option("--target", options.target, "Name of the target")->capture_default_str();
    app->add_option("arguments", options.arguments, "Arguments of psql")->type_name("");
}

std::shared_ptr<ApiOptions> Parser::api_options(CLI::App* app) {
    auto api = std::make_shared<ApiOptions>();
    add_dir(app, api->dir);
    app->add_option("--auth-url", api->auth_url, "sluice-auth [the one of the cluster]")
        ->type_name("URL");
    app->add_option("--token-file", api->token_file, "Token of scope admin [DIR/keys/admin.token]")
        ->type_name("FILE");
    app->add_option("--ca", api->ca, "CA certificates for an https URL [DIR/ca/ca.crt]")
        ->type_name("FILE");
    app->add_flag("--json", api->json, "Lists: the answer as JSON");
    return api;
}

Parser::Group Parser::group(const std::string& name,
                            const std::string& description,
                            const std::string& examples) {
    auto* app = add(app_, name, description, examples);
    app->require_subcommand(1);
    return {app, api_options(app)};
}

void Parser::add_user() {
    const auto user = group("user",
                            "People who may sign in",
                            "  sluicectl user add alice@example.com           asks for a password\n"
                            "  sluicectl user add bob@example.com --generate  prints a new one\n"
                            "  sluicectl user list\n"
                            "  sluicectl user disable bob@example.com\n"
                            "  sluicectl user password alice@example.com --password-file new.txt");

    auto* add_app = add(*user.app, "add", "Add a user", "");
    auto& added = member<UserAddOptions>(user, add_app);
    add_app->add_option("email", added.email, "E-mail address")->required()->type_name("");
    add_app->add_flag("--admin", added.admin, "May administer");
    add_password(add_app, added.password, "Password");

    member<UserListOptions>(user, add(*user.app, "list", "All users", ""));

    auto* disable_app = add(*user.app, "disable", "End a user's sessions and refuse new ones", "");
    auto& disabled = member<UserDisableOptions>(user, disable_app);
    disable_app->add_option("email", disabled.email, "E-mail address")->required()->type_name("");
    disable_app->add_flag("--enable", disabled.enable, "The opposite: let the user in again");

    auto* password_app = add(*user.app, "password", "Set a new password", "");
    auto& changed = member<UserPasswordOptions>(user, password_app);
    password_app->add_option("email", changed.email, "E-mail address")->required()->type_name("");
    add_password(password_app, changed.password, "Password");
}

void Parser::add_target() {
    const auto target =
        group("target",
              "PostgreSQL servers that users can be let into",
              "  sluicectl target add shop --host db.internal --port 5432 --database shop \\\n"
              "      --tls verify-full --role app --password-file app.txt\n"
              "  sluicectl target set-role shop report --password-file report.txt\n"
              "  sluicectl target list\n"
              "  sluicectl target remove shop\n"
              "The proxy must allow the server's address: allowed_targets in proxy.yaml.");

    auto* add_app = add(*target.app, "add", "Add a target", "");
    auto& added = member<TargetAddOptions>(target, add_app);
    add_app->add_option("name", added.name, "Name of the target")->required()->type_name("");
    add_app->add_option("--host", added.host, "Host name or address")->required();
    add_app->add_option("--port", added.port, "Port")->check(port_range())->capture_default_str();
    add_app->add_option("--database", added.database, "Default database [the role's name]");
    add_app->add_option("--tls", added.tls, "disable, prefer, require, verify-ca or verify-full")
        ->check(CLI::IsMember({"disable", "prefer", "require", "verify-ca", "verify-full"}))
        ->type_name("MODE");
    add_app->add_option("--role", added.role, "A role of the server that users may get");
    add_password(add_app, added.password, "The role's password on that server");

    member<TargetListOptions>(target, add(*target.app, "list", "All targets", ""));

    auto* remove_app = add(*target.app, "remove", "Remove a target, and the grants of it", "");
    auto& removed = member<TargetRemoveOptions>(target, remove_app);
    remove_app->add_option("name", removed.name, "Name of the target")->required()->type_name("");
    remove_app->add_flag("--yes", removed.yes, "Do not ask before its grants are removed too");

    auto* role_app = add(*target.app, "set-role", "Add a role, or change its password", "");
    auto& role = member<TargetSetRoleOptions>(target, role_app);
    role_app->add_option("name", role.name, "Name of the target")->required()->type_name("");
    role_app->add_option("role", role.role, "Role of the server")->required()->type_name("");
    add_password(role_app, role.password, "The role's password on that server");
}

void Parser::add_grant() {
    const auto grant =
        group("grant",
              "Who may use which role and database on which target",
              "  sluicectl grant add alice@example.com --role app --database app --target local\n"
              "  sluicectl grant add bob@example.com --role app --database '*' --target '*'\n"
              "  sluicectl grant list\n"
              "  sluicectl grant remove 7");

    auto* add_app = add(*grant.app, "add", "Add a grant; '*' means any", "");
    auto& added = member<GrantAddOptions>(grant, add_app);
    add_app->add_option("user", added.user, "E-mail address")->type_name("");
    // The older form; hidden, because the help would show the user twice.
    add_app->add_option("--user", added.user)->group("");
    add_app->parse_complete_callback([&added] {
        if (added.user.empty()) throw CLI::RequiredError("user");
    });
    add_app->add_option("--role", added.role, "Role, or '*'")->required();
    add_app->add_option("--database", added.database, "Database, or '*'")->capture_default_str();
    add_app->add_option("--target", added.target, "Target, or '*'")->required();

    member<GrantListOptions>(grant, add(*grant.app, "list", "All grants", ""));

    auto* remove_app = add(*grant.app, "remove", "Remove a grant", "");
    auto& removed = member<GrantRemoveOptions>(grant, remove_app);
    remove_app->add_option("id", removed.id, "Id from 'grant list'")->required()->type_name("");
}

// What sluice-auth knows; it refuses other words, and lists these.
constexpr std::string_view session_states =
    "pending (requested, opened or approving), requested, opened, approving, approved, connected, "
    "denied, expired, abandoned, failed";
constexpr std::string_view audit_events =
    "requested, opened, approved, connected, denied, expired, abandoned, failed, sign_in, "
    "sign_in_failed, sign_out, user_added, user_changed, user_removed, target_added, "
    "target_removed, target_role_set, grant_added, grant_removed";

void Parser::add_sessions() {
    auto* app = add(app_,
                    "sessions",
                    "Link sessions, the newest first",
                    "  sluicectl sessions\n"
                    "  sluicectl sessions --state pending --limit 100");
    const Group self{app, api_options(app)};
    auto& options = member<SessionsOptions>(self, app);
    app->add_option(
        "--state", options.state, "Only those in this state: " + std::string(session_states));
    app->add_option("--limit", options.limit, "How many")->capture_default_str()->type_name("N");
}

void Parser::add_audit() {
    auto* app = add(app_,
                    "audit",
                    "Audit events, the newest first",
                    "  sluicectl audit\n"
                    "  sluicectl audit --event approved --limit 100\n"
                    "  sluicectl audit --json");
    const Group self{app, api_options(app)};
    auto& options = member<AuditOptions>(self, app);
    app->add_option(
        "--event", options.event, "Only events of this name: " + std::string(audit_events));
    app->add_option("--limit", options.limit, "How many")->capture_default_str()->type_name("N");
}

void Parser::add_wal() {
    auto* app =
        add(app_,
            "wal",
            "PostgreSQL's write-ahead log, versions 14 to 18",
            "  sluicectl wal dump 000000010000000000000003\n"
            "  sluicectl wal verify /srv/archive --archive\n"
            "  sluicectl wal craft simple --connection 'host=/run/postgresql user=postgres'");
    app->require_subcommand(1);
    add_wal_dump(*app);
    add_wal_verify(*app);
    add_wal_craft(*app);
}

CLI::Validator at_least_one() {
    const auto check = [](const std::string& text) {
        const bool number = !text.empty() && std::all_of(text.begin(), text.end(), [](char digit) {
            return digit >= '0' && digit <= '9';
        });
        const bool zero = text.find_first_not_of('0') == std::string::npos;
        return number && !zero ? std::string() : "'" + text + "' is no number from 1";
    };
    return {check, ""};
}

void add_lsn(CLI::App* app,
             const std::string& name,
             std::optional<Lsn>& lsn,
             const std::string& what) {
    app->add_option_function<std::string>(
           name,
           [&lsn, name](const std::string& text) {
               lsn = Lsn::parse(text);
               if (!lsn)
                   throw CLI::ValidationError(name, "'" + text + "' is no LSN, such as 0/16B3748");
           },
           what)
        ->type_name("LSN");
}

void add_timeline(CLI::App* app, std::optional<std::uint32_t>& timeline, const std::string& what) {
    app->add_option("--timeline", timeline, what)->check(at_least_one())->type_name("N");
}

void Parser::add_wal_dump(CLI::App& wal) {
    auto* app = add(
        wal,
        "dump",
        "List the records in WAL files, checked, and say where and why the WAL ends",
        "  sluicectl wal dump 000000010000000000000003\n"
        "  sluicectl wal dump /srv/data/pg_wal --start 0/16B3748 --limit 20\n"
        "  sluicectl wal dump /srv/archive --timeline 2 --end 0/5000000 --json\n"
        "  sluicectl wal dump /srv/archive --quiet     only where the WAL ends\n"
        "Version and segment size come from the files. --json prints an object a line, one for\n"
        "each record and a last one for the end. Exit status 4: the WAL ends before --end.");
    auto& options = command<WalDumpOptions>(app);
    app->add_option("path", options.paths, "A folder such as pg_wal or an archive, or WAL files")
        ->required()
        ->check(CLI::ExistingPath.description(""))
        ->type_name("FOLDER or FILE...");
    add_lsn(app, "--start", options.start, "First record at or after this [the first there is]");
    add_lsn(app, "--end", options.end, "Only records that start before this");
    add_timeline(
        app, options.timeline, "Timeline; its ancestors by its .history file [the newest]");
    app->add_option("--limit", options.limit, "At most this many records")
        ->check(at_least_one())
        ->type_name("N");
    auto* json = app->add_flag_callback(
        "--json", [&options] { options.format = WalDumpOptions::Format::json; }, "Print JSON");
    app->add_flag_callback(
           "--quiet",
           [&options] { options.format = WalDumpOptions::Format::quiet; },
           "Print no records, only the end")
        ->excludes(json);
}

void Parser::add_wal_verify(CLI::App& wal) {
    auto* app = add(
        wal,
        "verify",
        "Read all WAL in a folder and tell whether a server could recover from it",
        "  sluicectl wal verify /srv/data/pg_wal\n"
        "  sluicectl wal verify /srv/archive --archive\n"
        "  sluicectl wal verify /srv/archive --archive --timeline 3 --json\n"
        "It checks every page and record with its checksum, that segments and records follow each\n"
        "other, that timelines begin where their .history files say, and names the first gap.\n"
        "What a server made ahead or a crash left behind the end of the WAL is no damage.\n"
        "Exit status: 0 sound, 1 could not be read, 2 wrong usage, 4 gap or damage.");
    auto& options = command<WalVerifyOptions>(app);
    app->add_option("folder", options.folder, "A folder such as pg_wal or an archive")
        ->required()
        ->check(CLI::ExistingDirectory.description(""))
        ->type_name("FOLDER");
    add_timeline(app, options.timeline, "Only this timeline [all]");
    app->add_flag("--archive",
                  options.archive,
                  "An archive: every segment that is not .partial must be used to its end");
    app->add_flag("--json", options.json, "Print JSON");
}

// Names of the shapes, as the last lines of a help text.
std::string shape_lines() {
    return "\nShapes:\n"
           "  simple\n"
           "      messages and their COMMIT records\n"
           "  last_wal_record_xlog_switch\n"
           "      the segment ends with XLOG_SWITCH, nothing follows\n"
           "  last_wal_record_xlog_switch_ends_on_page_boundary\n"
           "      the same, and XLOG_SWITCH ends where a page ends\n"
           "  wal_record_crossing_segment_followed_by_small_one\n"
           "      a record goes over the end of a segment; its COMMIT follows\n"
           "  last_wal_record_crossing_segment\n"
           "      a record goes over the end of a segment, nothing follows";
}

void Parser::add_wal_craft(CLI::App& wal) {
    auto* app =
        add(wal,
            "craft",
            "Write WAL that ends in a way that is hard to get right, on a running server",
            "  sluicectl wal craft last_wal_record_xlog_switch\n"
            "  sluicectl wal craft simple --connection 'host=/tmp port=5433 user=postgres'\n"
            "  sluicectl wal craft simple --json | jq -r .end_of_wal\n"
            "It prints where the records start and where the WAL ends. Stop the server with\n"
            "'pg_ctl stop -m immediate' before reading the files: other stops write WAL.\n" +
                shape_lines());
    auto& options = command<WalCraftOptions>(app);
    app->add_option_function<std::string>(
           "shape",
           [&options](const std::string& name) {
               const auto shape = find_wal_shape(name);
               if (!shape) throw CLI::ValidationError("shape", "'" + name + "' is none of them");
               options.shape = *shape;
           },
           "What to write")
        ->required()
        ->type_name("SHAPE");
    app->add_option("--connection",
                    options.connection,
                    "Superuser's connection string for libpq [the server of the cluster]")
        ->type_name("CONNINFO");
    app->add_option("--password-file",
                    options.password_file,
                    "Password: first line of this file; - is standard input")
        ->type_name("FILE")
        ->needs("--connection");
    add_dir(app, options.dir);
    app->add_flag("--json", options.json, "Print JSON");
    add_timeout(app, options.timeout, "Longest wait for an answer of the server");
}

// Every error of the command line begins alike and ends with the way to help.
std::string usage_text(const std::string& problem) {
    return "error: " + problem + "\nRun with --help for more information.\n";
}

CommandLine Parser::parse(const std::vector<std::string>& given) {
    const auto arguments = without_help_command(given);
    if (const auto problem = unknown_command(app_, arguments)) {
        return Finished{exit_status::usage, usage_text(*problem)};
    }
    // CLI11 takes the arguments last one first.
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
        app_.parse(std::move(reversed));
    } catch (const CLI::ParseError& error) {
        std::ostringstream output;
        std::ostringstream problem;
        if (app_.exit(error, output, problem) == 0) return Finished{exit_status::ok, output.str()};
        return Finished{exit_status::usage, usage_text(error.what())};
    }
    return std::move(chosen_);
}

}  // namespace

CommandLine parse_command_line(const std::vector<std::string>& arguments) {
    return Parser().parse(arguments);
}

}  // namespace sluice::ctl
