import os
from fastapi import FastAPI

app = FastAPI(title="things")
TOKEN = os.environ["API_TOKEN"]
