# SPDX-License-Identifier: Apache-2.0
"""cpython.py <measurement> full|quick: measures CPython's multiprocessing as shoal-bench measures
shoal, and prints the figures as a JSON list."""
import concurrent.futures
import ctypes
import json
import multiprocessing
import os
import signal
import statistics
import sys
import time
from multiprocessing import shared_memory

QUICK = sys.argv[2] == "quick"
LARGE_BYTES = 64 << 20


def pick(full, quick):
    return quick if QUICK else full


def die_with_parent():
    """A worker of a killed Pool waits for ever: both ends of its queue are its own."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def no_op():
    pass


def increment(x):
    return x + 1


def pool(workers):
    return multiprocessing.get_context("fork").Pool(workers, initializer=die_with_parent)


def median_step_us(count, step):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e6)
    return statistics.median(times)


def throughput_pool():
    count = pick(50_000, 500)
    with pool(2) as workers:
        workers.apply(no_op)
        start = time.perf_counter()
        results = [workers.apply_async(no_op) for _ in range(count)]
        for result in results:
            result.get()
        return [count / (time.perf_counter() - start) / 1e6]


def throughput_executor():
    count = pick(20_000, 500)
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(2, context, die_with_parent) as workers:
        workers.submit(no_op).result()
        start = time.perf_counter()
        results = [workers.submit(no_op) for _ in range(count)]
        for result in results:
            result.result()
        return [count / (time.perf_counter() - start) / 1e6]


def map_pool():
    count = pick(10_000_000, 20_000)
    with pool(2) as workers:
        workers.apply(no_op)
        start = time.perf_counter()
        results = workers.map(increment, range(count))
        seconds = time.perf_counter() - start
        assert results[-1] == count
        return [count / seconds / 1e6]


def round_trip():
    with pool(1) as workers:
        workers.apply(no_op)
        return [median_step_us(pick(5_000, 100), lambda: workers.apply(no_op))]


def large_argument():
    argument = bytes(LARGE_BYTES)
    with pool(1) as workers:
        workers.apply(len, (argument,))
        us = median_step_us(pick(6, 2), lambda: workers.apply(len, (argument,)))
        return [LARGE_BYTES / us / 1e3]


def answer(there, back, step, cpu):
    die_with_parent()
    os.sched_setaffinity(0, {cpu})
    number = 0
    while True:
        message = there.get()
        number += 1
        if number % step == 0:
            back.put(message)


def run_queue(step, measure):
    """Calls `measure` with what puts `step` messages of 64 bytes and waits for the last one."""
    cpus = sorted(os.sched_getaffinity(0))
    context = multiprocessing.get_context("fork")
    there, back = context.Queue(), context.Queue()
    child = context.Process(target=answer, args=(there, back, step, cpus[-1]), daemon=True)
    child.start()
    os.sched_setaffinity(0, {cpus[0]})
    message = bytes(64)

    def run():
        for _ in range(step):
            there.put(message)
        back.get()

    run()
    result = measure(run)
    child.kill()
    return [result]


def queue_throughput():
    count = pick(100_000, 1_000)
    return run_queue(count, lambda run: count / median_step_us(pick(3, 1), run))


def queue_round_trip():
    return run_queue(1, lambda run: median_step_us(pick(5_000, 100), run))


def stamp(connection):
    connection.send(time.monotonic())


def start_of_process(method):
    context = multiprocessing.get_context(method)
    reader, writer = context.Pipe(duplex=False)
    times = []
    for _ in range(pick(10, 2)):
        process = context.Process(target=stamp, args=(writer,), daemon=True)
        start = time.monotonic()
        process.start()
        times.append((reader.recv() - start) * 1e3)
        process.join()
    return statistics.median(times)


def starts():
    return [start_of_process(method) for method in ("fork", "spawn", "forkserver")]


def attach(name):
    memory = shared_memory.SharedMemory(name=name, track=False) if sys.version_info >= (3, 13) \
        else shared_memory.SharedMemory(name=name)
    memory.close()


def shared_memory_argument():
    memory = shared_memory.SharedMemory(create=True, size=pick(LARGE_BYTES, 1 << 20))
    try:
        with pool(1) as workers:
            workers.apply(attach, (memory.name,))
            return [median_step_us(pick(5_000, 50), lambda: workers.apply(attach, (memory.name,)))]
    finally:
        memory.close()
        memory.unlink()


MEASUREMENTS = {
    "s1.cpython_pool": throughput_pool,
    "s1.cpython_executor": throughput_executor,
    "s2.cpython": map_pool,
    "s3.cpython": round_trip,
    "s5.cpython": queue_throughput,
    "s6.cpython": queue_round_trip,
    "s7.cpython": large_argument,
    "s8.cpython": shared_memory_argument,
    "s9.cpython": starts,
}

if __name__ == "__main__":
    print(json.dumps(MEASUREMENTS[sys.argv[1]]()))
