"""How is an archive of datasets downloaded from a shell? `lstmfcn download ucr | uea`."""

from lstmfcn.cli.arguments import to_path


def add_download(commands):
    """Add the command ``download`` to a parser."""
    parser = commands.add_parser(
        "download",
        help="download the UCR or the UEA archive",
        description="Download an archive as one zip, for --archive of the other commands. Called "
        "again after an interruption, it goes on. No other command downloads anything.",
    )
    parser.add_argument("name", choices=("ucr", "uea"), metavar="ucr|uea")
    parser.add_argument("--out", type=to_path, required=True, help="folder for the zip")
    parser.add_argument("--url", help="of a mirror; default: the archive's own site")
    parser.add_argument("--sha256", help="refuse a file that has another one")
    parser.set_defaults(command=_download)


def _download(arguments):
    from lstmfcn.datasets.download import download_archive

    if arguments.out.exists() and not arguments.out.is_dir():
        raise ValueError(f"{arguments.out} is a file; name a folder with --out.")
    found = download_archive(
        arguments.name, arguments.out, url=arguments.url, sha256=arguments.sha256, verbose=1
    )
    print(f"{found.path}: {found.n_bytes:,} bytes, sha256 {found.sha256}")
    if not found.is_checked:
        print("nobody has told what its sha256 should be; --sha256 with this one pins it")
    if arguments.name == "ucr":
        print("it is encrypted: --password, which the archive's briefing document has")
