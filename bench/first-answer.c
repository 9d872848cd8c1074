/* Starts a server and tells how many ms pass from its exec to the first byte of its first answer; then ends it and all it started.
 *
 *     first-answer PORT COMMAND...
 *
 * A program of its own, because one that has an event loop adds a ms or two of its own to each start. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* µs between two tries to connect: whoever asks without a pause has the core that threads of what starts would run on. */
enum { PAUSE = 100, LIMIT = 20 };

static const char REQUEST[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1e3 + at.tv_nsec / 1e6;
}

static int connected(int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd == -1 || connect(fd, (struct sockaddr *)&to, sizeof to) == 0) return fd;
  close(fd);
  return -1;
}

int main(int argc, char **argv) {
  if (argc < 3) return fprintf(stderr, "usage: first-answer PORT COMMAND...\n"), 2;
  int port = atoi(argv[1]);
  double began = now();
  pid_t child = vfork();
  if (child == -1) return perror("vfork"), 1;
  if (child == 0) {
    setpgid(0, 0);
    int nowhere = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++) dup2(nowhere, fd);
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  int fd, status = 1;
  while ((fd = connected(port)) == -1 && now() - began < LIMIT * 1e3 && waitpid(child, NULL, WNOHANG) == 0) usleep(PAUSE);
  if (fd == -1) {
    fprintf(stderr, "%s does not listen\n", argv[2]);
  } else {
    char first;
    struct timeval limit = {.tv_sec = LIMIT};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (send(fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) == sizeof REQUEST - 1 && recv(fd, &first, 1, 0) == 1) {
      printf("%.3f\n", now() - began);
      status = 0;
    } else {
      fprintf(stderr, "%s does not answer\n", argv[2]);
    }
  }
  kill(-child, SIGKILL);
  waitpid(child, NULL, 0);
  return status;
}
