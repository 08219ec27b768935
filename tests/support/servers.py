from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import requests


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1",0)); return s.getsockname()[1]

class GcsServer:
    def __init__(self,url): self.url=url; self._l=threading.local()
    @property
    def _s(self):
        s=getattr(self._l,"s",None)
        if s is None: s=self._l.s=requests.Session()
        return s
    def create_bucket(self,name): self._s.post(f"{self.url}/storage/v1/b?project=p",json={"name":name}).raise_for_status()
    def put(self,bucket,name,content,**metadata): self._s.post(f"{self.url}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(name,safe='')}",data=content).raise_for_status()
    def put_all(self,bucket,contents):
        with ThreadPoolExecutor(8) as ex: list(ex.map(lambda i:self.put(bucket,*i),contents.items()))
    def get(self,bucket,name):
        r=self._s.get(f"{self.url}/storage/v1/b/{bucket}/o/{quote(name,safe='')}?alt=media"); r.raise_for_status(); return r.content
    def metadata(self,bucket,name): return self._s.get(f"{self.url}/storage/v1/b/{bucket}/o/{quote(name,safe='')}").json()
    def objects(self,bucket):
        names=[];tok=""
        while True:
            r=self._s.get(f"{self.url}/storage/v1/b/{bucket}/o",params={"pageToken":tok}).json()
            names+=[i["name"] for i in r.get("items",[])]; tok=r.get("nextPageToken","")
            if not tok: break
        with ThreadPoolExecutor(8) as ex: return dict(zip(names,ex.map(lambda n:self.get(bucket,n),names)))

@contextlib.contextmanager
def fake_gcs_server(folder=None, external_url=None):
    port=free_port(); url=f"http://127.0.0.1:{port}"
    p=subprocess.Popen([os.environ.get("FAKE_GCS_SERVER","/tmp/gobin/fake-gcs-server"),"-scheme","http","-host","127.0.0.1","-port",str(port),"-public-host",f"127.0.0.1:{port}","-external-url",external_url or url,"-backend","memory"],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL)
    try:
        while True:
            try: requests.get(url+"/storage/v1/b?project=p"); break
            except requests.ConnectionError: time.sleep(0.02)
        yield GcsServer(url)
    finally:
        p.kill(); p.wait()

class S3Server:
    def __init__(self,url):
        import boto3
        self.url=url
        self.client=boto3.client("s3",endpoint_url=url,aws_access_key_id="test",aws_secret_access_key="test",region_name="us-east-1")
    def create_bucket(self,name): self.client.create_bucket(Bucket=name)
    def put(self,bucket,name,content,**metadata): self.client.put_object(Bucket=bucket,Key=name,Body=content)
    def put_all(self,bucket,contents):
        with ThreadPoolExecutor(8) as ex: list(ex.map(lambda i:self.put(bucket,*i),contents.items()))
    def get(self,bucket,name): return self.client.get_object(Bucket=bucket,Key=name)["Body"].read()
    def metadata(self,bucket,name):
        r=self.client.head_object(Bucket=bucket,Key=name); r.pop("ResponseMetadata"); return r
    def objects(self,bucket):
        names=[o["Key"] for p in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket) for o in p.get("Contents",[])]
        with ThreadPoolExecutor(8) as ex: return dict(zip(names,ex.map(lambda n:self.get(bucket,n),names)))

@contextlib.contextmanager
def moto_server():
    import sys
    port=free_port(); url=f"http://127.0.0.1:{port}"
    p=subprocess.Popen([sys.executable,"-m","moto.server","-H","127.0.0.1","-p",str(port)],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL)
    try:
        while True:
            try: requests.get(url+"/moto-api/"); break
            except requests.ConnectionError: time.sleep(0.05)
        yield S3Server(url)
    finally:
        p.kill(); p.wait()
