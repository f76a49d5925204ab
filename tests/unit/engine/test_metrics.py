from appliance.engine.metrics import EngineLoad, read_load


def test_the_figures_of_all_processes_are_added_up() -> None:
    page = (
        b"# TYPE vllm:num_requests_running gauge\n"
        b'vllm:num_requests_running{engine="0"} 2.0\nvllm:num_requests_running{engine="1"} 1.0\n'
        b'vllm:kv_cache_usage_perc{engine="0"} 0.25\n'
        b'vllm:request_success_total{engine="0",finished_reason="stop"} 4.0\n'
    )

    assert read_load(page) == EngineLoad(running=3.0, kv_cache_used=0.25, finished=4.0)


def test_a_page_of_another_server_reads_as_nothing() -> None:
    assert read_load(b"\xff\n<html>\nvllm:num_requests_running{} many\n") == EngineLoad()
