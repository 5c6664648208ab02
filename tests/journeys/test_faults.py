from tests.journeys.conftest import *

def test_all(sandbox, installation, run_flows, cli):
    import time
    t=time.monotonic()
    runs = run_flows(*(f.name for f in installation.flows))
    print([ (r.flow, r.state, r.counts) for r in runs], time.monotonic()-t)
    t=time.monotonic()
    runs = run_flows(*(f.name for f in installation.flows))
    print([ (r.flow, r.state, r.counts) for r in runs], time.monotonic()-t)
    t=time.monotonic()
    print(cli("audit","verify").stdout, time.monotonic()-t)
    print(len(sandbox.call("GET","log")["requests"]))
