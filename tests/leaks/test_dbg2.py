import os
from tests.leaks.two import *
async def test_dbg2(databases):
    who=os.environ["WHO"]; 
    story = Teller(os.environ.get("SEED","fixed"), 60).tell()
    w = await world("A", databases(), story, None)
    for id_ in os.environ["ID"].split(","):
        print({k for k,i in w.told.ids.items() if i==id_})
        for r in await w.clinic.owner.fetch("SELECT seq,version,kind,updated,own,parts,refs,origin,ref_origin FROM record.version WHERE id=$1 ORDER BY seq", id_):
            print(dict(r))
        for r in await w.clinic.owner.fetch("SELECT e.* FROM record.edge e JOIN record.resource r USING (tenant,rid,type) WHERE r.id=$1", id_): print(dict(r))
    from sojourn.record import search as S
    o=S.compile
    def c(*a,**k):
        st=o(*a,**k); print(st.sql); print(st.args); return st
    S.compile=c
    with w.current():
      print((await w.clinic.get(who,"Encounter?part-of=Encounter/"+os.environ["ID"].split(",")[0])).body)
    await close_clinic(w.clinic)
