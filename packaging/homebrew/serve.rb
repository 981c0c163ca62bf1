# @ A template: packaging/release fills it in. It belongs into a tap, Formula/serve.rb.
class Serve < Formula
  desc "Shares a folder over HTTP: as easy as a one-liner, strict, safe and fast"
  homepage "https://github.com/@REPOSITORY@"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/serve-@VERSION@-aarch64-apple-darwin.tar.gz"
      sha256 "@SHA256:aarch64-apple-darwin@"
    end
    on_intel do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/serve-@VERSION@-x86_64-apple-darwin.tar.gz"
      sha256 "@SHA256:x86_64-apple-darwin@"
    end
  end

  on_linux do
    on_arm do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/serve-@VERSION@-aarch64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256:aarch64-unknown-linux-musl@"
    end
    on_intel do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/serve-@VERSION@-x86_64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256:x86_64-unknown-linux-musl@"
    end
  end

  def install
    bin.install "serve"
    man1.install "manual/serve.1"
    bash_completion.install "manual/serve.bash" => "serve"
    zsh_completion.install "manual/serve.zsh" => "_serve"
    fish_completion.install "manual/serve.fish"
  end

  service do
    run [opt_bin/"serve", var/"www"]
    keep_alive true
    log_path var/"log/serve.log"
    error_log_path var/"log/serve.log"
  end

  test do
    (testpath/"shared").mkpath
    (testpath/"shared/hello.txt").write "hello"
    port = free_port
    pid = spawn bin/"serve", "--port", port.to_s, "--root", testpath/"shared"
    begin
      output = shell_output("curl --silent --fail --retry 5 --retry-connrefused http://127.0.0.1:#{port}/hello.txt")
      assert_equal "hello", output
    ensure
      Process.kill "TERM", pid
      Process.wait pid
    end
    assert_match version.to_s, shell_output("#{bin}/serve --version")
  end
end
