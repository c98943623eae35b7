from .base import *

DEBUG = True
SECRET_KEY = "for-development-alone"
