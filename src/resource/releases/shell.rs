//! The shell of releases, for all kinds that have to do with them.

/// Tells a release from a folder of somebody else: before the two others.
pub(in crate::resource) const MARK: &str = include_str!("mark.sh");
/// What a probe asks.
pub(in crate::resource) const PROBE: &str = include_str!("probe.sh");
/// What steps do.
pub(in crate::resource) const STEPS: &str = include_str!("steps.sh");
/// What makes a release ready, and what releases share of that: beside the steps, where something
/// does.
pub(crate) const PREPARE: &str = include_str!("prepare.sh");

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Two releases that share a folder, with the functions of the executor that are needed.
    const SHARED: &str = r##"
        note() { :; }
        exists() { [ -e "$1" ]; }
        fail() { echo "$1"; exit 1; }
        take_over() { find "$1" ! -type l -exec chmod u=rwX,go=rX,a-st -- {} +; }
        check() { "$@" || { echo "not so: $*"; exit 1; }; }
        is_not() { ! "$@"; }
        R=$1/srv RUN=$1/run
        one=0123456789ab two=ba9876543210
        mkdir -p "$R/releases/.$one.new/made/bin" "$R/releases/.$two.new" "$RUN/payload"
        cd "$R/releases"
        echo made >"$RUN/payload/makes"
        printf '#!%s/made/bin/python\n' "$R/releases/$one" >.$one.new/made/bin/tool
        chmod 750 .$one.new/made/bin/tool
        echo same >.$one.new/made/file
        ln -s file .$one.new/made/link
        touch -d 'now + 1 day' .$one.new/made/file
        share_made "$R" $one key
        take_shared "$R" $two key
        for id in $one $two; do
            printf 'key\tmade\n' >.$id.new/.foobar-stack-shared
            : >.$id.new/.foobar-stack-manifest
            mv .$id.new $id
            echo $id >$id/.foobar-stack-complete
        done
    "##;

    #[track_caller]
    fn holds(script: &str) {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("{MARK}{PROBE}{STEPS}{PREPARE}{SHARED}{script}");
        let mut command = Command::new("sh");
        command.args(["-euc", &script, "sh"]).arg(folder.path());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = said + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }

    #[test]
    fn releases_have_one_file_by_two_names_and_each_its_own_path() {
        holds(
            r##"
            inode() { stat -c %i "$1"; }
            check test "$(inode $one/made/file)" = "$(inode $two/made/file)"
            check test "$(inode $one/made/bin/tool)" != "$(inode $two/made/bin/tool)"
            for id in $one $two; do
                check test "$(cat $id/made/bin/tool)" = "#!$R/releases/$id/made/bin/python"
                check test "$(stat -c %a $id/made/bin/tool)" = 755
                check test "$(readlink $id/made/link)" = file
            done
            check test -z "$(find .shared -name '.*.new')"
            "##,
        );
    }

    #[test]
    fn another_release_is_no_change_and_a_change_is_one() {
        holds(
            r#"
            sleep 0.02
            mkdir .cafecafecafe.new && take_shared "$R" cafecafecafe key
            check test -z "$(edited_in "$R/releases/$one" '')"
            rm -rf $two
            check test -z "$(edited_in "$R/releases/$one" '')"
            check is_shared_whole "$R" key
            # A file that gives way to another is changed here alone.
            echo new >other && mv other .cafecafecafe.new/made/file
            check test "$(cat $one/made/file)" = same
            check is_shared_whole "$R" key
            # One that is written to is changed wherever it is.
            echo more >>$one/made/bin/tool
            check is_not is_shared_whole "$R" key
            check test "$(edited_in "$R/releases/$one" '')" = made/bin/tool
            touch $one/made/came $one/top
            check test "$(edited_in "$R/releases/$one" '' | sort | paste -s -d ' ')" = '/ made/ made/bin/tool made/came top'
            "#,
        );
    }

    #[test]
    fn what_no_release_has_is_pruned() {
        holds(
            r#"
            mkdir .shared/gone .shared/.half.new
            printf 'next\tmade\n' >"$RUN/payload/shared"
            mkdir .shared/next
            prune_shared "$R"
            check test "$(ls -A .shared | paste -s -d ' ')" = 'key next'
            : >"$RUN/payload/shared"
            rm -rf $one $two
            prune_shared "$R"
            check test -z "$(ls -A .shared)"
            "#,
        );
    }

    #[test]
    fn nothing_is_made_over_a_link_that_leads_out() {
        holds(
            r#"
            mkdir .new && ln -s /etc .new/a && mkdir -p .new/b/c
            check is_not holds "$R/releases/.new" a/b
            check is_not holds "$R/releases/.new" a
            check holds "$R/releases/.new" b/c/d
            "#,
        );
    }
}
