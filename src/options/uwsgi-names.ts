/**
 * What real uWSGI 2.0 takes beside the options in the table: each name has an answer, so that nobody who moves a file here is told of a
 * typing error. Made when one is asked for.
 */

/** Why ugate has none of these, and what to do instead; `reason` is null for what may come. */
export interface Absence {
  readonly reason: string | null;
  readonly hint: string | null;
  readonly names: readonly string[];
}

const API = 'it belongs to what uWSGI offers its apps (import uwsgi), and there is no such module here';
const SYSTEM = 'this is left to the system';
const UNIT = 'a unit of systemd or a container does this';
const HOOKS = 'a unit of systemd has ExecStartPre, ExecStartPost, ExecReload and ExecStopPost';
const ROUTES = 'let the app do it, or a server in front';
const PYTHON = 'how Python starts is not to be changed; set PYTHON… variables before ugate starts, and import what is needed in the app';
const BUILD = 'it is about uWSGI’s own program and plugins';

/** The absence that `name` belongs to; undefined for what is no option of uWSGI, or is in the table. */
export function uwsgiAbsence(name: string): Absence | undefined {
  return uwsgiAbsences().find(({ names }) => names.includes(name));
}

export function uwsgiAbsences(): readonly Absence[] {
  return [
    absence(
      API,
      null,
      `
      add-cache-item cache-blocksize cache-expire-freq cache-no-expire cache-report-freed-items cache-store cache-store-sync cache-sync
      cache-udp-node cache-udp-server cache-use-last-modified check-cache cron-harakiri cron-legion cron2 exception-handler farm fs-signal
      legion legion-attach-daemon legion-cron legion-death legion-death-on-lord-error legion-freq legion-join legion-lord legion-mcast
      legion-node legion-node-joined legion-node-left legion-quorum legion-scroll legion-scroll-list-max-size legion-scroll-max-size
      legion-setup legion-skew-tolerance legion-smart-attach-daemon legion-smart-attach-daemon2 legion-tolerance legion-unlord
      load-file-in-cache load-file-in-cache-gzip locks mule-harakiri mule-msg-size mule-reload-mercy mules pump py-sharedarea
      python-worker-override queue queue-blocksize queue-store queue-store-sync rbtimer rpc-max sharedarea signal signal-bufsize
      signal-rbtimer signal-timer signals-bufsize spooler-chdir spooler-external spooler-freq spooler-frequency spooler-harakiri
      spooler-import spooler-max-tasks spooler-ordered spooler-processes spooler-py-import spooler-pyimport spooler-python-import
      spooler-quiet timer touch-mules-reload touch-signal touch-spoolers-reload unique-cron unique-cron-legion unique-legion-cron
    `,
    ),
    absence(
      'ugate has no hooks',
      HOOKS,
      `
      after-request-call after-request-hook binary-append-data call-as-emperor call-as-emperor1 call-as-emperor2 call-as-emperor4
      call-as-root call-as-user call-as-user-atexit call-as-vassal call-as-vassal1 call-as-vassal3 call-asap call-in-jail call-post-app
      call-post-jail call-pre-app call-pre-jail eval exec-as-emperor exec-as-root exec-as-user exec-as-user-atexit exec-as-vassal
      exec-asap exec-in-jail exec-post-app exec-post-jail exec-pre-app exec-pre-jail extract hook-accepting hook-accepting-once
      hook-accepting1 hook-accepting1-once hook-as-emperor hook-as-gateway hook-as-mule hook-as-root hook-as-user hook-as-user-atexit
      hook-as-vassal hook-asap hook-emperor-lost hook-emperor-reload hook-emperor-start hook-emperor-stop hook-in-jail hook-master-start
      hook-post-app hook-post-fork hook-post-jail hook-pre-app hook-pre-jail hook-touch inject-after inject-before mount-as-emperor
      mount-as-root mount-as-vassal mount-asap mount-in-jail mount-post-jail mount-pre-jail privileged-binary-patch
      privileged-binary-patch-arg re-fork re-fork-as-root re-fork-post-jail refork refork-as-root refork-post-jail start touch-exec
      umount-as-emperor umount-as-root umount-as-vassal umount-asap umount-in-jail umount-post-jail umount-pre-jail
      unprivileged-binary-patch unprivileged-binary-patch-arg worker-exec worker-exec2
    `,
    ),
    absence(
      'ugate has no internal routing',
      ROUTES,
      `
      error-page-403 error-page-404 error-page-500 error-route error-route-host error-route-if error-route-if-not error-route-label
      error-route-qs error-route-referer error-route-remote-addr error-route-remote-user error-route-run error-route-status
      error-route-uri error-route-user-agent final-route final-route-host final-route-if final-route-if-not final-route-label
      final-route-qs final-route-referer final-route-remote-addr final-route-remote-user final-route-run final-route-status
      final-route-uri final-route-user-agent response-route response-route-host response-route-if response-route-if-not
      response-route-label response-route-qs response-route-referer response-route-remote-addr response-route-remote-user
      response-route-run response-route-status response-route-uri response-route-user-agent route-host route-if route-if-not route-label
      route-qs route-referer route-remote-addr route-remote-user route-run route-uri route-user-agent
    `,
    ),
    absence(
      SYSTEM,
      UNIT,
      `
      cap cgroup cgroup-dir-mode cgroup-opt clock close-on-exec2 early-envdir fd-safe flock flock-wait flock-wait2 flock2 force-cwd
      freebind ftok jailed limit-nproc map-socket multicast multicast-loop multicast-ttl namespace namespace-keep-mount namespace-net
      never-swap no-fd-passing no-initgroups notify-socket ns ns-net persistent-ipcsem pivot pivot-root pivot_root prio reaper reload-os-env resolve
      safe-fd setns setns-preopen setns-skip setns-socket setns-socket-skip shutdown-sockets undeferred-shared-socket unshare unshare2
      wait-for-dir wait-for-file wait-for-fs wait-for-fs-timeout wait-for-iface wait-for-iface-timeout wait-for-interface
      wait-for-interface-timeout wait-for-mountpoint wait-for-socket wait-for-socket-timeout wait-iface wait-iface-timeout wait-interface
      wait-interface-timeout
    `,
    ),
    absence(
      'ugate speaks HTTP and uwsgi',
      null,
      `
      allowed-modifiers cgi-mode command-mode connect-and-read fastcgi-modifier1 fastcgi-modifier2 fastcgi-nph-socket fastcgi-socket
      https-socket-modifier2 raw-modifier1 raw-modifier2 remap-modifier scgi-modifier1 scgi-modifier2 scgi-nph-socket scgi-socket snmp
      snmp-community ssl-socket ssl-verify-depth udp
    `,
    ),
    absence(
      BUILD,
      null,
      `
      backtrace-depth binsh build-plugin cflags cheaper-algo-list cheaper-algos-list cheaper-list clock-list clocks-list config-py dlopen
      dot-h exit get iprint logger-list loggers-list loop-list loops-list optimize plugin-dir plugin-list plugins-dir plugins-list
      print-sym print-symbol profiler router-list routers-list test usage use-abort
    `,
    ),
    absence(
      PYTHON,
      null,
      `
      no-site post-pymodule-alias py py-auto-reload-ignore py-executable py-program-name py-programname py-sys-executable py-tracebacker
      pymodule-alias pyrun pyshell pyshell-oneshot python python-raw python-version shared-import shared-py-import shared-pyimport
      shared-python-import
    `,
    ),
    absence(
      null,
      null,
      `
      attach-control-daemon attach-daemon2 blacklist daemons-honour-stdin early-emperor emperor-broodlord emperor-cap
      emperor-curse-tolerance emperor-extra-ext emperor-extra-extension emperor-freq emperor-graceful-shutdown emperor-magic-exec
      emperor-max-throttle emperor-no-blacklist emperor-nofollow emperor-on-demand-dir emperor-on-demand-directory emperor-on-demand-exec
      emperor-on-demand-ext emperor-on-demand-extension emperor-pidfile emperor-procname emperor-proxy-socket emperor-required-heartbeat
      emperor-stats emperor-stats-server emperor-throttle emperor-tyrant emperor-tyrant-nofollow emperor-use-clone emperor-wrapper
      emperor-wrapper-fallback emperor-wrapper-override end-blacklist end-whitelist imperial-monitor-list imperial-monitors-list
      smart-attach-daemon smart-attach-daemon2 vassal-cap vassal-set vassal-sos vassal-sos-backlog vassals-cap vassals-include
      vassals-include-before vassals-inherit vassals-inherit-before vassals-set vassals-start-hook vassals-stop-hook whitelist
      zerg-fallback check-static-docroot disable-sendfile file-serve-mode file-write fileserve-mode honour-range log-backupname log-big
      log-drain log-encoder log-filter log-format-strftime log-ioerror log-master-bufsize log-master-req-stream log-master-stream
      log-maxsize log-micros log-prefix log-reopen log-req-encoder log-req-route log-route log-sendfile log-socket log-syslog log-truncate
      log-zero logdate logfile-chmod logfile-chown logformat logformat-strftime logger-req mime-file no-server static-cache-paths
      static-cache-paths-name static-check static-expires-mtime static-expires-path-info static-expires-path-info-mtime
      static-expires-type static-expires-type-mtime static-expires-uri-mtime static-gzip-dir static-gzip-ext static-gzip-prefix
      static-gzip-suffix static-safe stats-min stats-no-cores stats-no-metrics stats-push threaded-logger write-errors-exception-only
      write-errors-tolerance body-read-warning brutal-reload-on-fd catch-exceptions cheaper-overload cheaper-rss-limit-hard
      cheaper-rss-limit-soft check-interval check-mount check-mountpoint chunked-input-limit chunked-input-timeout drop-after-apps
      drop-after-init fs-brutal-reload harakiri-no-arh honour-stdin ignore-script-name max-apps mount-check mountpoint-check
      no-default-app no-harakiri-after-req-hook no-harakiri-arh propagate-touch reload-on-fd response-headers-limit resume skip-atexit
      skip-zero so-write-timeout socket-write-timeout suspend tcp-fast-open-client tcp-fastopen tcp-fastopen-client vhost vhost-host start_response-nodelay
      wsgi-accept-buffer wsgi-accept-buffers wsgi-strict subscription-tolerance subscription-tolerance-inactive subscription-dotsplit
      subscriptions-sign-check subscriptions-sign-check-tolerance subscriptions-sign-skip-uid subscriptions-credentials-check
      subscriptions-use-credentials subscription-mountpoint subscription-mountpoints subscription-vassal-required
      subscription-clear-on-shutdown emperor-command-socket subscribe-freq weight auto-weight subscribe-with-modifier1
      unsubscribe-on-graceful-reload start-unsubscribed subscription-notify-socket suwsgi-socket puwsgi-socket raw-socket
      https-socket-modifier1 protocol socket-protocol so-keepalive so-send-timeout socket-send-timeout socket-timeout tcp-fast-open
      tcp-nodelay reuse-port socket-sndbuf socket-rcvbuf abstract-socket immediate-uid immediate-gid log-format log-master log-date
      log-4xx log-5xx log-slow log-x-forwarded-for logger req-logger stats-http stats-minified min-worker-lifetime cheaper cheaper-algo
      cheaper-initial cheaper-step cheap idle die-on-idle forkbomb-delay exit-on-reload force-gateway touch-logreopen touch-logrotate
      fs-reload del-header rem-header static-index static-skip-ext static-expires static-expires-uri static-gzip static-gzip-all mimefile
      post-buffering post-buffering-bufsize ssl-verbose ssl-option ssl-enable-sslv3 ssl-enable3 ssl-enable-tlsv1 ssl-sessions-use-cache
      ssl-sessions-timeout ssl-tmp-dir sni-regexp sni-dir-ciphers chdir2 unenv envdir emperor zerg zerg-server attach-daemon show-config
      xml config include inherit declare-option fallback-config if-env if-not-env if-opt if-not-opt if-exists if-not-exists if-file
      if-not-file if-dir if-not-dir if-plugin if-not-plugin if-hostname if-not-hostname if-hostname-match if-not-hostname-match if-reload
      if-not-reload for for-glob for-times for-readline end endif end-if endfor end-for print master-as-root memory-report cache cache2
      route binary-path close-on-exec limit-as cron mule spooler alarm alarm-backlog alarm-cheap alarm-fd alarm-freq alarm-list
      alarm-listen-queue alarm-log alarm-lq alarm-metric alarm-msg-size alarm-segfault alarms-list backlog-alarm collect-header
      enable-metrics heartbeat listen-queue-alarm log-alarm loop lq-alarm metric metric-alarm metric-dir metric-dir-restore
      metric-threshold metrics-dir metrics-dir-restore metrics-no-cores not-alarm-log not-log-alarm pull-header reload-on-exception
      reload-on-exception-repr reload-on-exception-type reload-on-exception-value response-header-collect segfault-alarm upload-progress
      web3 websocket-max-size websocket-ping-freq websocket-pong-tolerance websockets-max-size websockets-ping-freq
      websockets-pong-tolerance worker-mount wsgi-lite chmod autoload declare-option2 dump-options if-directory ifdir ifenv ifexists
      ifplugin ini-paste ini-paste-logged mode paste paste-logger pecan stats-pusher-default-freq stats-pushers-default-freq xmlconfig
    `,
    ),
  ];
}

function absence(reason: string | null, hint: string | null, names: string): Absence {
  return { reason, hint, names: names.trim().split(/\s+/) };
}
